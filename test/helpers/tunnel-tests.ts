/** What every kind of tunnel is tested for, on real packets: it carries whatever lies beneath, comes back after its network was gone for a while, and comes and goes while a lab runs. */
import test, {type ExecutionContext} from 'ava';
import {Lab} from '../../lib/index.ts';
import {isAlive} from '../../lib/kernel/daemon.ts';
import {systemProgram} from '../../lib/kernel/programs.ts';
import {labRecord} from '../../lib/network/journal.ts';
import type {TunnelOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {uniqueName} from './names.ts';
import {longPatience} from './patience.ts';
import {nameOfTunnel, ttlOf, twoWays} from './two-ways.ts';

export async function up(t: ExecutionContext, topology: Topology): Promise<Lab> {
	const lab = await Lab.up(topology, {name: uniqueName()});
	t.teardown(async () => lab.down());
	return lab;
}

/** Of r1. A program of this name may also stand on the path of who runs tests. */
export async function rulesOf(lab: Lab): Promise<string> {
	return lab.node('r1').run`${systemProgram('nft')} list ruleset`;
}

/** What a host and the routers know of the way: nothing of it may change when what is beneath does. */
export async function ways(lab: Lab): Promise<string[]> {
	const [host, ...routers] = await Promise.all(['h1', 'r1', 'r2'].map(async name => (await lab.node(name).execute(['ip', 'route'])).stdout));
	return [host ?? '', ...routers.map(text => text.split('\n').filter(line => line.startsWith('20.')).map(line => line.replace(' linkdown', '')).join('\n'))];
}

/** The devices at both ends take as much as the plan says. */
export async function hasRoom(t: ExecutionContext, lab: Lab): Promise<void> {
	const planned = lab.network.blueprint.tunnels.flatMap(({ends}) => ends.map(end => end.interface));
	const real = await Promise.all(planned.map(async ({node, name}) => Number(/ mtu (\d+) /.exec(await lab.node(node).run`ip link show dev ${name}`)?.[1])));
	t.deepEqual(real, planned.map(({mtu}) => mtu));
}

export const carries = test.macro<[options: TunnelOptions, outer: {readonly filter: string; readonly shows: RegExp}]>({
	title: (_, options) => `${nameOfTunnel(options)}: two routers apart the hosts of one subnet are one hop each from their router, whatever lies between`,
	async exec(t, options, {filter, shows}) {
		const lab = await up(t, twoWays(options));
		const seen = lab.node('hop').execute(['tcpdump', '-c', '1', '-v', '-n', '-i', 'hop-eth0', 'src', 'host', '1.0.0.1', 'and', ...filter.split(' ')], {timeout: longPatience});
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
		const stop = new AbortController();
		const stream = lab.node('h1').execute(['ping', '-i', '0.1', '20.0.0.3'], {signal: stop.signal});
		t.regex((await seen).stdout, shows);
		stop.abort();
		await stream;
		// A whole packet of the host's link does not fit most tunnels: TCP must find out, or be told.
		await t.notThrowsAsync(lab.run(`h3 timeout ${Math.round(longPatience / 1000)} sh -c "iperf3 -s -1 >/dev/null &"`, `h1 timeout ${Math.round(longPatience / 1000)} sh -c "until iperf3 -c 20.0.0.3 -n 4M >/dev/null; do sleep 0.1; done"`));
		const tunnel = ((await lab.run('links'))[0]?.result as Array<{via?: string; state: string; ends: Array<{sent?: {packets: number; bytes: number}; endpoint?: string}>}>).find(({via}) => via !== undefined);
		t.is(tunnel?.state, 'up');
		t.deepEqual(tunnel?.ends.map(({endpoint}) => endpoint), ['1.0.0.1', '1.0.1.2']);
		t.true((tunnel?.ends[0]?.sent?.bytes ?? 0) > 1 << 20);
		t.true((tunnel?.ends[1]?.sent?.packets ?? 0) > 10);
		await hasRoom(t, lab);
		const {processes} = labRecord(lab.name);
		await lab.down();
		t.deepEqual(processes.filter(({pid, startTime}) => isAlive(pid, startTime)), []);
	},
});

export const recovers = test.macro<[options: TunnelOptions]>({
	title: (_, {via}) => `${via}: a flapping link, and another way beneath with a router more, change nothing for hosts and their routes, and packets pass again`,
	async exec(t, options) {
		const lab = await up(t, twoWays(options));
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
		const before = await ways(lab);
		for (let flap = 0; flap < 2; flap++) {
			await lab.run('link hop r2 down');
			t.is((await lab.node('h1').execute(['ping', '-c', '1', '-W', '1', '20.0.0.3'])).exitCode, 1);
			await lab.run('link hop r2 up');
			t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
			t.deepEqual(await ways(lab), before);
		}

		// The network beneath finds another way, which is longer.
		await lab.run('link hop r2 down', 'r1 ip route replace 1.0.1.0/24 via 1.0.2.254', 'r2 ip route replace 1.0.0.0/24 via 1.0.4.254', 'r2 ip address add 1.0.1.2/32 dev lo');
		t.regex(await lab.node('r1').run`ping -c 1 -W ${Math.ceil(longPatience / 1000)} -I 1.0.0.1 1.0.1.2`, / ttl=62 /);
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
		t.deepEqual(await ways(lab), before);
	},
});

export const comesAndGoes = test.macro<[options: TunnelOptions]>({
	title: (_, {via}) => `${via}: a tunnel that comes while the lab runs carries at once, and leaves nothing when it goes`,
	async exec(t, options) {
		const lab = await up(t, twoWays({via: 'vxlan', vni: 900}));
		const links = async () => (await Promise.all(['r1', 'r2'].map(async name => lab.node(name).run`ip -brief link`))).flatMap(text => text.split('\n').map(line => line.split(' ')[0]));
		const rules = async () => rulesOf(lab);
		const before = [await links(), await rules()];
		for (let time = 0; time < 2; time++) {
			const tunnel = await lab.addTunnel({node: 'r1', options: {ip: '10.8.0.1/30', endpoint: '1.0.0.1'}}, {node: 'r2', options: {ip: '10.8.0.2/30', endpoint: '1.0.1.2'}}, options);
			t.is(await ttlOf(lab, 'r1', '10.8.0.2'), 64);
			await t.throwsAsync(lab.addTunnel({node: 'r1', options: {ip: '10.8.0.1/30', endpoint: '1.0.0.1'}}, {node: 'r2', options: {ip: '10.8.0.2/30', endpoint: '1.0.1.2'}}, options), {message: /10\.8\.0\.1 is already the address/});
			await lab.remove({tunnels: [tunnel]});
			t.deepEqual([await links(), await rules()], before);
		}
	},
});
