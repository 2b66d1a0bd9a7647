/** Tunnels of labs on real packets: each carries whatever lies beneath, is what its plan says, and comes back after its network was gone for a while. */
import {once} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import {Lab} from '../../lib/index.ts';
import {isAlive} from '../../lib/kernel/daemon.ts';
import {labRecord} from '../../lib/network/journal.ts';
import type {StationOptions, TunnelOptions} from '../../lib/topology/specs.ts';
import type {NodeHandle, Topology} from '../../lib/topology/topology.ts';
import {uniqueName} from '../helpers/names.ts';
import {longPatience, pingPatience} from '../helpers/patience.ts';
import {sketch} from '../helpers/sketch.ts';

/** Keep-alives that find out within two seconds. */
const quick = {interval: 1, count: 2};

/**
Two hosts of one subnet, each behind a router; the routers have two ways to each other, by `hop` and by `spare`, of which they take the first one.

	h1 20.0.0.1 -- r1 1.0.0.1 -- 1.0.0.254 hop 1.0.1.254 -- 1.0.1.2 r2 -- 20.0.0.3 h3
	               r1 1.0.2.1 -- 1.0.2.254 spare 1.0.3.254 -- 1.0.3.2 r2
*/
function sites(options: TunnelOptions): Topology {
	return sketch(t => {
		const [r1, r2, hop, spare] = [
			t.addRouter('r1', {proxyArp: true, routes: [{to: '1.0.1.0/24', via: '1.0.0.254'}, {to: '20.0.0.1', interface: 'r1-eth0'}, {to: '20.0.0.3', via: '10.9.0.2'}]}),
			t.addRouter('r2', {proxyArp: true, routes: [{to: '1.0.0.0/24', via: '1.0.1.254'}, {to: '20.0.0.3', interface: 'r2-eth0'}, {to: '20.0.0.1', via: '10.9.0.1'}]}),
			t.addRouter('hop'), t.addRouter('spare', {routes: [{to: '1.0.0.0/24', via: '1.0.2.1'}, {to: '1.0.1.0/24', via: '1.0.3.2'}]}),
		] as const;
		t.addLink(r1.interface({ip: []}), t.addHost('h1', {ip: '20.0.0.1/24', gateway: 'none'}));
		t.addLink(r2.interface({ip: []}), t.addHost('h3', {ip: '20.0.0.3/24', gateway: 'none'}));
		t.addLink(r1.interface({ip: '1.0.0.1/24'}), hop.interface({ip: '1.0.0.254/24'}));
		t.addLink(hop.interface({ip: '1.0.1.254/24'}), r2.interface({ip: '1.0.1.2/24'}));
		t.addLink(r1.interface({ip: '1.0.2.1/24'}), spare.interface({ip: '1.0.2.254/24'}));
		t.addLink(spare.interface({ip: '1.0.3.254/24'}), r2.interface({ip: '1.0.3.2/24'}));
		t.addTunnel(r1.interface({ip: '10.9.0.1/30', endpoint: '1.0.0.1'}), r2.interface({ip: '10.9.0.2/30', endpoint: '1.0.1.2'}), options);
	});
}

async function up(t: ExecutionContext, topology: Topology): Promise<Lab> {
	const lab = await Lab.up(topology, {name: uniqueName()});
	t.teardown(async () => lab.down());
	return lab;
}

/** Waits until a ping is answered. @returns its ttl, or undefined when none is within the limit */
async function ttlOf(lab: Lab, from: string, to: string): Promise<number | undefined> {
	for (const end = Date.now() + longPatience; Date.now() < end;) {
		const {stdout} = await lab.node(from).execute(['ping', '-c', '1', '-W', '1', to]);
		const [, ttl] = / ttl=(\d+) /.exec(stdout) ?? [];
		if (ttl !== undefined) {
			return Number(ttl);
		}
	}

	return undefined;
}

/** What a host and the routers know of the way: nothing of it may change when what is beneath does. */
async function ways(lab: Lab): Promise<string[]> {
	const [host, ...routers] = await Promise.all(['h1', 'r1', 'r2'].map(async name => (await lab.node(name).execute(['ip', 'route'])).stdout));
	return [host ?? '', ...routers.map(text => text.split('\n').filter(line => line.startsWith('20.')).map(line => line.replace(' linkdown', '')).join('\n'))];
}

const carries = test.macro<[options: TunnelOptions, outer: {readonly filter: string; readonly shows: RegExp}]>({
	title: (_, options) => `${options.via}${'mode' in options ? ` of ${options.mode}` : ''}${'key' in options ? ` with key ${options.key}` : ''}: two routers apart the hosts of one subnet are one hop each from their router, whatever lies between`,
	async exec(t, options, {filter, shows}) {
		const lab = await up(t, sites(options));
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
		const {processes} = labRecord(lab.name);
		await lab.down();
		t.deepEqual(processes.filter(({pid, startTime}) => isAlive(pid, startTime)), []);
	},
});

test.serial(carries, {via: 'gre'}, {filter: 'ip proto 47', shows: /ttl 255,.*GREv0.*20\.0\.0\.1 > 20\.0\.0\.3/s});
test.serial(carries, {via: 'gre', mode: 'layer2', key: 7, ttl: 9}, {filter: 'ip proto 47', shows: /ttl 9,.*GREv0.*key=0x7/s});
test.serial(carries, {via: 'vxlan', vni: 42}, {filter: 'udp port 4789', shows: /ttl 64,.*VXLAN.*vni 42/s});
test.serial(carries, {via: 'ssh', keepAlive: quick}, {filter: 'tcp port 22', shows: /1\.0\.0\.1\.\d+ > 1\.0\.1\.2\.22/});
test.serial(carries, {via: 'ssh', mode: 'layer2', keepAlive: quick}, {filter: 'tcp port 22', shows: /1\.0\.0\.1\.\d+ > 1\.0\.1\.2\.22/});

const recovers = test.macro<[options: TunnelOptions]>({
	title: (_, {via}) => `${via}: a flapping link and another way beneath change nothing for hosts and their routes, and packets pass again`,
	async exec(t, options) {
		const lab = await up(t, sites(options));
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
		const before = await ways(lab);
		for (let flap = 0; flap < 2; flap++) {
			await lab.run('link hop r2 down');
			t.is((await lab.node('h1').execute(['ping', '-c', '1', '-W', '1', '20.0.0.3'])).exitCode, 1);
			await lab.run('link hop r2 up');
			t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
			t.deepEqual(await ways(lab), before);
		}

		// The network beneath finds another way.
		await lab.run('link hop r2 down', 'r1 ip route replace 1.0.1.0/24 via 1.0.2.254', 'r2 ip route replace 1.0.0.0/24 via 1.0.3.254', 'r2 ip address add 1.0.1.2/32 dev lo', 'spare ip route replace 1.0.1.2 via 1.0.3.2');
		t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
		t.deepEqual(await ways(lab), before);
	},
});

test.serial(recovers, {via: 'gre'});
test.serial(recovers, {via: 'vxlan'});
test.serial(recovers, {via: 'ssh', keepAlive: quick});

test.serial('a tunnel over SSH tells when its connection is lost and when it is back', async t => {
	const lab = await up(t, sites({via: 'ssh', keepAlive: quick}));
	// What the lab waits for keeps no program from ending, so something else must.
	const wait = setInterval(() => undefined, 1000);
	t.teardown(() => {
		clearInterval(wait);
	});
	const lost = once(lab, 'tunnel', {signal: AbortSignal.timeout(longPatience)});
	await lab.run('link hop r2 down');
	t.like((await lost)[0], {ends: ['r1', 'r2'], status: 'down'});
	const link = ((await lab.run('links'))[0]?.result as Array<{via?: string; state: string; reason?: string}>).find(({via}) => via === 'ssh');
	t.is(link?.state, 'no carrier');
	t.truthy(link?.reason);
	await lab.run('link hop r2 up');
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
});

test.serial('link A B down and up are for tunnels too, and routes come back', async t => {
	const lab = await up(t, sites({via: 'gre'}));
	const before = await ways(lab);
	await lab.run('link r1 r2 down');
	t.is((await lab.node('h1').execute(['ping', '-c', '1', '-W', '1', '20.0.0.3'])).exitCode, 1);
	await lab.run('link r1 r2 up');
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
	t.deepEqual(await ways(lab), before);
	await t.throwsAsync(lab.run('link r1 r2 set delay 1ms'), {message: /tunnel/});
});

test.serial('what a router forwards into a tunnel is told the segment size that fits', async t => {
	const lab = await up(t, sites({via: 'gre'}));
	const syn = lab.node('h3').execute(['tcpdump', '-c', '1', '-n', '-i', 'h3-eth0', 'tcp[tcpflags] & tcp-syn != 0'], {timeout: longPatience});
	for (let done = false; !done;) {
		await lab.node('h1').execute(['nc', '-z', '-w', '1', '20.0.0.3', '9']);
		done = await Promise.race([syn.then(() => true), new Promise<boolean>(resolve => {
			setTimeout(resolve, 100, false);
		})]);
	}

	// 1476 bytes of the tunnel, 20 of IPv4 and 20 of TCP.
	t.regex((await syn).stdout, /mss 1436/);
});

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

const comesAndGoes = test.macro<[options: TunnelOptions]>({
	title: (_, {via}) => `${via}: a tunnel that comes while the lab runs carries at once, and leaves nothing when it goes`,
	async exec(t, options) {
		const lab = await up(t, sites({via: 'vxlan', vni: 900}));
		const links = async () => (await Promise.all(['r1', 'r2'].map(async name => lab.node(name).run`ip -brief link`))).flatMap(text => text.split('\n').map(line => line.split(' ')[0]));
		const rules = async () => lab.node('r1').run`nft list ruleset`;
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

test.serial(comesAndGoes, {via: 'gre'});
test.serial(comesAndGoes, {via: 'vxlan', vni: 901});
test.serial(comesAndGoes, {via: 'ssh', keepAlive: quick});

test.serial('a router that ends tunnels takes them away with it', async t => {
	const lab = await up(t, sites({via: 'gre'}));
	await lab.remove({nodes: ['r2']});
	t.deepEqual(lab.network.tunnels, []);
	t.notRegex(await lab.node('r1').run`ip -brief link`, /r1-tun/);
});

test.serial('nobody but its endpoints gets a frame into a VXLAN, or its packets', async t => {
	const lab = await up(t, sites({via: 'vxlan', vni: 42}));
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
	const before = await lab.node('r2').run`bridge fdb show dev r2-tun0`;
	const received = async () => /RX:.*\n\s+\d+\s+(\d+)/.exec(await lab.node('r2').run`ip -statistics link show r2-tun0`)?.[1];
	const packets = await received();
	// VXLAN header with its number, then a frame for everybody from the MAC of the other end, as hop could send it.
	const frame = `0800000000002a00ffffffffffff${lab.node('r1').interfaces.at(-1)?.mac.replaceAll(':', '') ?? ''}0806${'00'.repeat(46)}`;
	const send = `require('node:dgram').createSocket('udp4').send(Buffer.from('${frame}', 'hex'), 4789, '1.0.1.2', function () { this.close(); })`;
	await lab.node('hop').execute([process.execPath, '-e', send]);
	await lab.node('hop').execute([process.execPath, '-e', send]);
	t.is(await lab.node('r2').run`bridge fdb show dev r2-tun0`, before);
	t.is(await received(), packets);
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
});
