/** What a network needs of this machine, and what is said where a program of it is missing. */
import {realpathSync} from 'node:fs';
import test from 'ava';
import {execa} from 'execa';
import {check, type Topology} from '../../lib/index.ts';
import {findProgram} from '../../lib/kernel/programs.ts';
import {neededCapabilities} from '../../lib/network/needs.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {mesh} from '../helpers/edges.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';
import {sketch} from '../helpers/sketch.ts';

const lan = 'h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1';
const ovs = ['ovsdb-server', 'ovs-vswitchd', 'ovs-ofctl'];
const iptables = ['iptables-restore', 'ip6tables-restore', 'ipset'];

/** Two routers with a tunnel over the link between them. */
function tunnelled(via: 'ssh' | 'vxlan'): Topology {
	return sketch(topology => {
		const [r1, r2] = [topology.addRouter('r1'), topology.addRouter('r2')];
		topology.addLink(r1.interface({ip: '10.9.0.1/24'}), r2.interface({ip: '10.9.0.2/24'}));
		topology.addTunnel(r1.interface({ip: '10.8.0.1/30'}), r2.interface({ip: '10.8.0.2/30'}), {via});
	});
}

const needs = test.macro({
	title: (_, what: string) => `what ${what} needs`,
	exec(t, _what: string, topology: Topology, expected: readonly string[]) {
		t.deepEqual(neededCapabilities(check(topology)), ['root', ...expected]);
	},
});

test(needs, 'a cable', new Sketch('h1 10.0.0.1/24 -- h2 10.0.0.2/24'), []);
test(needs, 'a Linux bridge', new Sketch(lan.replaceAll('s1', 'b1')), []);
test(needs, 'a Linux bridge that is a firewall', sketch(topology => topology.addLink(topology.addHost('h1'), topology.addBridge('b1', {firewall: 'nftables-bridge'}))), ['nft']);
test(needs, 'a switch', new Sketch(lan), ovs);
test(needs, 'a perimeter firewall and a switch', new Sketch('h1 10.0.1.1/24 -- s1\ns1 -- fw 10.0.1.254/24\nfw 10.0.2.254/24 -- h2 10.0.2.1/24'), [...ovs, ...iptables]);
test(needs, 'routers that speak BGP', mesh({edges: 2, hosts: 1}), ['gobgpd']);
test(needs, 'routers that a controller tells', mesh({control: 'controller', edges: 2, hosts: 1}), []);
test(needs, 'an SSH tunnel', tunnelled('ssh'), ['ssh', 'sshd', 'ssh-keygen']);
test(needs, 'a VXLAN', tunnelled('vxlan'), ['nft']);

for (const [program, advice] of [
	['ovs-vswitchd', 'The program ovs-vswitchd is missing (runs the switches). Install it: apt-get install openvswitch-switch'],
	['ipset', 'The program ipset is missing (keeps the address sets of perimeter firewalls). Install it: apt-get install ipset'],
] as const) {
	test.serial(`without ${program} a lab that needs it does not start, and says what to install`, async t => {
		const name = uniqueName();
		const before = await machine(name);
		// Nothing that can be executed stands in its place, for this one command and what it starts.
		const hidden = `mount --bind /dev/null ${realpathSync(findProgram(program) ?? '')} && exec "$@"`;
		const {exitCode, stdout, stderr} = await execa('unshare', ['--mount', 'sh', '-c', hidden, 'sh', 'node', 'bin/securenet.js', 'run', 'topologies/securenet.ts', '--name', name, '-c', 'h10 echo up'], {reject: false, input: ''});
		t.deepEqual([exitCode, stdout, stderr], [3, '', `securenet: ${advice}`]);
		t.deepEqual(await machine(name), before);
		t.deepEqual(daemonsOf(name), []);
	});
}
