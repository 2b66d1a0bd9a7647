/** Tunnels of labs on real packets: GRE, VXLAN and one over SSH; what needs what is beneath, and who gets nothing into them. */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {StationOptions} from '../../lib/topology/specs.ts';
import type {NodeHandle} from '../../lib/topology/topology.ts';
import {needing} from '../helpers/needing.ts';
import {pingPatience} from '../helpers/patience.ts';
import {type Frame, arrives, udp} from '../helpers/raw-frames.ts';
import {sketch} from '../helpers/sketch.ts';
import {carries, comesAndGoes, hasRoom, recovers, rulesOf, up, ways} from '../helpers/tunnel-tests.ts';
import {quick, ttlOf, twoWays} from '../helpers/two-ways.ts';

const withKernelGre = await needing('ip_gre');

test.serial(carries, {via: 'gre'}, {filter: 'ip proto 47', shows: /ttl 255,.*GREv0.*20\.0\.0\.1 > 20\.0\.0\.3/s});
test.serial(carries, {via: 'gre', mode: 'layer2', key: 7, ttl: 9}, {filter: 'ip proto 47', shows: /ttl 9,.*GREv0.*key=0x7/s});
test.serial(carries, {via: 'vxlan', vni: 42}, {filter: 'udp port 4789', shows: /ttl 64,.*VXLAN.*vni 42/s});
test.serial(carries, {via: 'ssh', keepAlive: quick}, {filter: 'tcp port 22', shows: /1\.0\.0\.1\.\d+ > 1\.0\.1\.2\.22/});

test.serial(recovers, {via: 'gre'});
test.serial(recovers, {via: 'vxlan'});

test.serial('link A B down and up are for tunnels too, and routes come back', async t => {
	const lab = await up(t, twoWays({via: 'gre'}));
	const before = await ways(lab);
	await lab.run('link r1 r2 down');
	t.is((await lab.node('h1').execute(['ping', '-c', '1', '-W', '1', '20.0.0.3'])).exitCode, 1);
	await lab.run('link r1 r2 up');
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
	t.deepEqual(await ways(lab), before);
	await t.throwsAsync(lab.run('link r1 r2 set delay 1ms'), {message: /tunnel/});
});

const isOfKernel = (mode: 'layer3' | 'layer2', kind: string) => {
	withKernelGre(`gre of ${mode}: where the kernel has it, it is the kernel's`, async t => {
		const lab = await up(t, twoWays({via: 'gre', mode, key: 7}));
		t.regex(await lab.node('r1').run`ip -details link show dev r1-tun0`, new RegExp(`\\b${kind} remote 1\\.0\\.1\\.2 local 1\\.0\\.0\\.1 `));
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
		await hasRoom(t, lab);
	});
};

isOfKernel('layer3', 'gre');
isOfKernel('layer2', 'gretap');

test.serial('a VXLAN of three ends is one segment, whose members find each other by ARP', async t => {
	const lab = await up(t, sketch(topology => {
		const core = topology.addBridge('core');
		topology.addVxlan([1, 2, 3].map(n => {
			const router: NodeHandle<StationOptions> = topology.addRouter(`r${n}`);
			topology.addLink(router.interface({ip: `1.0.0.${n}/24`}), core);
			return router.interface({ip: `10.9.0.${n}/24`, name: 'blue'});
		}), {vni: 7});
	}));
	for (const [from, to] of [[1, 2], [2, 3], [3, 1]]) {
		t.is(await ttlOf(lab, `r${from}`, `10.9.0.${to}`), 64);
	}

	t.regex((await lab.node('r1').execute(['ip', 'neighbor', 'show', 'dev', 'blue'])).stdout, /10\.9\.0\.2 lladdr/);
});

test.serial('fifty tunnels of GRE between two routers', async t => {
	const count = 50;
	const lab = await up(t, sketch(topology => {
		const [r1, r2] = [topology.addRouter('r1'), topology.addRouter('r2')];
		topology.addLink(r1.interface({ip: '1.0.0.1/24'}), r2.interface({ip: '1.0.0.2/24'}));
		for (let n = 0; n < count; n++) {
			topology.addTunnel(r1.interface({ip: `10.9.${n}.1/30`}), r2.interface({ip: `10.9.${n}.2/30`}), {via: 'gre', key: n});
		}
	}));
	const answers = await Promise.all(Array.from({length: count}, async (_, n) => lab.node('r1').execute(['ping', '-c', '1', '-W', String(Math.ceil(pingPatience / 1000)), `10.9.${n}.2`])));
	t.deepEqual(answers.map(({exitCode}) => exitCode), Array.from({length: count}, () => 0));
	const counters = lab.network.tunnels.map(({counters: [first]}) => first?.receivedPackets);
	t.deepEqual(counters, Array.from({length: count}, () => 1));
});

test.serial('what carried a tunnel may go and come back link by link; one that comes must find its way', async t => {
	const lab = await up(t, twoWays({via: 'gre'}));
	const before = await ways(lab);
	await lab.remove({links: [...lab.network.linksBetween('r1', 'hop'), ...lab.network.linksBetween('hop', 'r2')]});
	await lab.addLink({node: 'r1', options: {ip: '1.0.0.1/24'}}, {node: 'hop', options: {ip: '1.0.0.254/24'}});
	await t.throwsAsync(lab.addTunnel({node: 'r1', options: {ip: '10.8.0.1/30', endpoint: '1.0.0.1'}}, {node: 'r2', options: {ip: '10.8.0.2/30', endpoint: '1.0.4.2'}}, {via: 'gre'}), {message: /tunnel r1 - r2: there is no way from r1 to the endpoint 1\.0\.4\.2 of r2/});
	await lab.addLink({node: 'hop', options: {ip: '1.0.1.254/24'}}, {node: 'r2', options: {ip: '1.0.1.2/24'}});
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
	t.deepEqual(await ways(lab), before);
});

test.serial(comesAndGoes, {via: 'gre'});
test.serial(comesAndGoes, {via: 'vxlan', vni: 901});

test.serial('a router that ends tunnels takes them away with it', async t => {
	const lab = await up(t, twoWays({via: 'gre'}));
	await lab.remove({nodes: ['r2']});
	t.deepEqual(lab.network.tunnels, []);
	t.notRegex(await lab.node('r1').run`ip -brief link`, /r1-tun/);
});

/** What h1 sends to r1 as if it came from r2's endpoint. */
const forged: Readonly<Record<'gre' | 'vxlan', (lab: Lab) => Pick<Frame, 'protocol' | 'payload'>>> = {
	// A header of GRE, and of IPv4 from 10.9.0.2 to 10.9.0.1.
	gre: () => ({protocol: 47, payload: Buffer.from('000008004500001400000000401166c50a0900020a090001', 'hex')}),
	vxlan: lab => {
		const {protocol, payload} = udp([4789, 4789]);
		const inner = Buffer.from(`0800000000000100ffffffffffff${lab.node('r2').interfaces.at(-1)?.mac.replaceAll(':', '') ?? ''}0806${'00'.repeat(46)}`, 'hex');
		payload.writeUInt16BE(payload.length + inner.length, 4);
		return {protocol, payload: Buffer.concat([payload, inner])};
	},
};

const takesNoStrays = test.macro<[via: 'gre' | 'vxlan']>({
	title: (_, via) => `${via}: what names the other end as its sender, but comes from where that cannot be, gets nothing into the tunnel`,
	async exec(t, via) {
		const lab = await up(t, twoWays({via}));
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
		const received = async () => Number(/RX:.*\n\s+\d+\s+(\d+)/.exec(await lab.node('r1').run`ip -statistics link show r1-tun0`)?.[1]);
		const send = async (from: string, to: string) => arrives(t, lab, [from, to], {toMac: lab.node('r1').interfaces.find(({name}) => name === (from === 'h1' ? 'r1-eth0' : 'r1-eth1'))?.mac ?? '', from: '1.0.1.2', to: '1.0.0.1', ...forged[via](lab)});
		const before = await received();
		t.true(await send('h1', 'r1'), 'the packet comes to the router');
		t.is(await received(), before);
		// Where the other end's own packets may come from, nobody can tell it from them.
		await send('hop', 'r1');
		t.is(await received(), before + 1);
		// A LAN that comes while the lab runs leads to nobody else either; a second way to the other end does.
		await lab.add({nodes: [{kind: 'host', name: 'h9', options: {ip: '20.9.0.9/24'}}], links: [{ends: [{node: 'h9', options: {}}, {node: 'r1', options: {ip: '20.9.0.254/24', name: 'lan9'}}], options: {}}]});
		t.regex(await rulesOf(lab), /ip saddr 1\.0\.1\.2 iifname \{[^}]*"lan9"[^}]*\} drop/);
		await lab.addLink({node: 'r2', options: {ip: '1.0.9.2/24'}}, {node: 'r1', options: {ip: '1.0.9.1/24', name: 'direct'}});
		t.notRegex(await rulesOf(lab), /direct/);
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
	},
});

test.serial(takesNoStrays, 'gre');
test.serial(takesNoStrays, 'vxlan');

test.serial('a tunnel may rest on routes that came while the lab runs', async t => {
	const lab = await up(t, sketch(topology => {
		const [r1, r2, r3] = ['r1', 'r2', 'r3'].map(name => topology.addRouter(name)) as [NodeHandle<StationOptions>, NodeHandle<StationOptions>, NodeHandle<StationOptions>];
		topology.addLink(r1.interface({ip: '1.0.0.1/24'}), r2.interface({ip: '1.0.0.2/24'}));
		topology.addLink(r2.interface({ip: '2.0.0.2/24'}), r3.interface({ip: '2.0.0.3/24'}));
	}));
	const add = async () => lab.addTunnel({node: 'r1', options: {ip: '10.9.0.1/30'}}, {node: 'r3', options: {ip: '10.9.0.2/30'}}, {via: 'gre'});
	await t.throwsAsync(add, {message: /there is no way from r1 to the endpoint 2\.0\.0\.3 of r3/});
	await lab.run('r1 route add 2.0.0.0/24 via 1.0.0.2');
	await t.throwsAsync(add, {message: /there is no way from r3 to the endpoint 1\.0\.0\.1 of r1|there is no way from r1/});
	await lab.run('r3 route add 1.0.0.0/24 via 2.0.0.2');
	await add();
	t.is(await ttlOf(lab, 'r1', '10.9.0.2'), 64);
	await t.notThrowsAsync(lab.addHost('h9', {}, 'r2'));
});

test.serial('nobody but its endpoints gets a frame into a VXLAN, or its packets', async t => {
	const lab = await up(t, twoWays({via: 'vxlan', vni: 42}));
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
	const before = await lab.node('r2').run`bridge fdb show dev r2-tun0`;
	const received = async () => Number(/RX:.*\n\s+\d+\s+(?<packets>\d+)/.exec(await lab.node('r2').run`ip -statistics link show r2-tun0`)?.groups?.['packets']);
	const packets = await received();
	// VXLAN header with its number, then a frame for everybody from the MAC of the other end, as hop could send it.
	const frame = `0800000000002a00ffffffffffff${lab.node('r1').interfaces.at(-1)?.mac.replaceAll(':', '') ?? ''}0806${'00'.repeat(46)}`;
	const many = 50;
	await lab.node('hop').execute([process.execPath, '-e', `
		const socket = require('node:dgram').createSocket('udp4');
		const send = left => socket.send(Buffer.from('${frame}', 'hex'), 4789, '1.0.1.2', () => left > 1 ? send(left - 1) : socket.close());
		send(${many});
	`]);
	t.is(await lab.node('r2').run`bridge fdb show dev r2-tun0`, before);
	// The routers may ask for each other's MAC again meanwhile.
	t.true(await received() - packets < many / 2);
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
});
