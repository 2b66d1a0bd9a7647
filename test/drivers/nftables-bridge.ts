/** The bridge driver on a real kernel: three hosts on one Linux bridge, both families. */
import test, {type ExecutionContext} from 'ava';
import {DeviceError, logGroup} from '../../lib/drivers/driver.ts';
import {createBridgeDriver} from '../../lib/drivers/nftables-bridge.ts';
import {bridgeCommands} from '../../lib/drivers/nftables-bridge-render.ts';
import {startService} from '../../lib/kernel/daemon.ts';
import {inside} from '../../lib/kernel/namespace.ts';
import {changeTables} from '../../lib/kernel/nftables.ts';
import {run} from '../../lib/kernel/process.ts';
import {getSysctl, setSysctl} from '../../lib/kernel/sysctl.ts';
import {buildBridge} from '../helpers/bridge.ts';
import {switchPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';
import {quietFor} from '../helpers/quiet.ts';
import {readSample, sampleNames} from '../helpers/samples.ts';
import {Installed, asks, pings, sends, sendsAck} from '../helpers/router.ts';

const scene = await buildBridge([1, 2, 3]);
const {fabric} = scene;
const [client, server, other] = [1, 2, 3].map(port => scene.host(port)) as [typeof fabric, typeof fabric, typeof fabric];
const installed = new Installed(createBridgeDriver({namespaceOf: () => fabric}));
test.after.always(() => {
	scene.down();
});

const [client4, server4, client6, server6, other4] = ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2', '10.0.0.3'];

/** Hosts 1 and 2 are bound, 3 is not. */
const base = {
	sets: {'sg:db': '10.0.0.2 fd00::2', 'sg:web': '10.0.0.1 fd00::1'},
	bound: '10.0.0.1 10.0.0.2 fd00::1 fd00::2',
	domains: ['open:10.0.0.0/24 fd00::/64'],
	rules: [],
	hosts: ['10.0.0.1 fd00::1 bound', '10.0.0.2 fd00::2 bound', '10.0.0.3 fd00::3'],
	ports: [1, 2, 3],
} satisfies Sketch;

async function install(sketch: Sketch): Promise<void> {
	await installed.change(installed.driver.render(switchPlan(sketch), installed.state));
}

async function rules(...sentences: readonly string[]): Promise<void> {
	await install({...base, rules: sentences});
}

function scenario(title: string, body: (t: ExecutionContext) => Promise<void>): void {
	test.serial(title, async t => {
		await rules();
		await installed.cutAll();
		await body(t);
	});
}

scenario('nothing reaches a bound host until a rule says so, then exactly its direction, in both families', async t => {
	t.deepEqual([await pings(client, server4), await pings(client, server6), await pings(other, server4)], [false, false, false]);
	t.deepEqual([await pings(client, other4), await pings(server, 'fd00::3')], [true, true], 'the default of an unbound host');
	await rules('1: allow sg:web to sg:db');
	t.deepEqual([await pings(client, server4), await pings(client, server6)], [true, true]);
	t.deepEqual([await pings(server, client4), await pings(server, client6), await pings(other, server4)], [false, false, false]);
});

scenario('addresses are resolved in both families while everything is denied', async t => {
	for (const [host, to, address] of [[client, server, server4], [client, server, server6], [other, client, client4], [other, client, client6]] as const) {
		await run(['ip', 'neighbour', 'flush', 'all'], {namespace: host});
		await run(['ip', 'neighbour', 'flush', 'all'], {namespace: to});
		await pings(host, address);
		t.regex((await run(['ip', 'neighbour', 'show', address], {namespace: host})).stdout, /lladdr/, address);
	}
});

scenario('ports and protocols: both edges pass, their neighbours do not', async t => {
	await rules('allow sg:web to sg:db tcp dport 80,90-92', 'allow sg:web to sg:db udp dport 7');
	for (const to of [server4, server6]) {
		t.deepEqual(await Promise.all([80, 90, 92, 79, 93].map(async port => asks(client, 'tcp', to, port))), ['refused', 'refused', 'refused', 'silence', 'silence'], to);
		t.deepEqual(await Promise.all([7, 8].map(async port => asks(client, 'udp', to, port))), ['refused', 'silence'], to);
	}
});

scenario('stateless: what a rule names passes, and no answer by itself', async t => {
	await rules('1: allow sg:web to sg:db icmp stateless');
	t.deepEqual([await pings(client, server4), await installed.connections()], [false, []]);
	await rules('1: allow sg:web to sg:db icmp stateless', '2: allow sg:db to sg:web icmp');
	t.false(await pings(client, server4), 'a reply opens no connection');
	await rules('1: allow sg:web to sg:db icmp stateless', '2: allow sg:db to sg:web icmp stateless');
	t.deepEqual([await pings(client, server4), await pings(client, server6), await installed.connections()], [true, true, []]);
});

scenario('an error about a packet makes no connection of it', async t => {
	await rules('1: allow sg:web to sg:db udp stateless', '2: allow sg:db to sg:web icmp');
	t.deepEqual([await asks(client, 'udp', server4, 9), await installed.connections()], ['silence', []]);
	await rules('1: allow sg:web to sg:db udp stateless', '2: allow sg:db to sg:web icmp stateless');
	t.is(await asks(client, 'udp', server4, 9), 'refused');
});

scenario('a connection that is made against the direction of its first packet is told as judged, and cut', async t => {
	await rules('1: allow sg:web to sg:db udp stateless', '2: allow sg:db to sg:web udp');
	await sends(client, 5000, server4, 6000);
	t.deepEqual(await installed.connections(), []);
	await sends(server, 6000, client4, 5000);
	t.deepEqual(await installed.connections(), [`udp ${server4} 6000 ${client4} 5000`]);
	await installed.cutAll();
	t.deepEqual(await installed.connections(), []);
});

scenario('TCP that opens no connection meets deny and stateless rules, and the default makes none of it', async t => {
	const middle = async (to = server4) => {
		sendsAck(client, client4, to);
		await quietFor(50);
	};

	await rules('1: allow sg:web to sg:db');
	await middle();
	t.is(await installed.hits(1), 0);
	await rules('2: deny sg:web to sg:db tcp', '1: allow sg:web to sg:db');
	await middle();
	t.is(await installed.hits(2), 1);
	await rules('3: allow sg:web to sg:db tcp stateless');
	await middle();
	t.is(await installed.hits(3), 1);
	await rules();
	await middle(other4);
	t.true(await installed.packets(/^permitted, opens no connection$/) > 0);
	t.deepEqual(await installed.connections(), []);
});

scenario('a rate: the burst passes, the rest is dropped and counts as no hit', async t => {
	await rules('1: allow sg:web to sg:db udp rate 1 5', '2: allow any to any');
	await sends(client, 1000, server4, ...Array.from({length: 12}, (_, index) => index + 1));
	const hits = await installed.hits(1);
	t.true(hits >= 5 && hits <= 7, `${hits}`);
	t.is(await installed.packets(/^over the rate: /), 12 - hits);
	t.is(await installed.hits(2), 0);
});

scenario('a log: the first packet of a connection, every packet of what is denied', async t => {
	await rules('4: allow sg:web to sg:db udp log', '5: deny sg:web to sg:db tcp log');
	const tcpdump = await startService(['bash', '-c', `exec tcpdump --immediate-mode -lnvv -i nflog:${logGroup} 2>&1`], /listening/, {namespace: fabric});
	await sends(client, 5000, server4, 6000, 6000, 6000);
	await asks(client, 'tcp', server6, 80);
	tcpdump.stop('SIGINT');
	const {stdout} = await tcpdump.ended;
	// The family of a report is that of the bridge, so tcpdump shows bytes: here the ports, 5000 to 6000 and any to 80.
	t.is([...stdout.matchAll(/0a00 0002 1388 1770 /g)].length, 1, stdout);
	t.regex(stdout, /0000 0002 [\da-f]{4} 0050 /);
	t.deepEqual([await installed.hits(4), await installed.packets(/^logged: allow /)], [1, 1]);
});

scenario('rejected inside a domain: nobody answers, and it counts', async t => {
	await rules('6: reject sg:web to sg:db');
	t.is(await asks(client, 'tcp', server4, 80), 'silence');
	t.true(await installed.hits(6) > 0);
});

scenario('rejected across a firewall: the reset that answers comes back, and nothing else does', async t => {
	const parted = {...base, domains: ['10.0.0.1/32 fd00::1/128', '10.0.0.2/32 fd00::2/128'], routerMacs: '02:00:00:00:00:02', rules: ['reject sg:web to sg:db', 'deny sg:db to any']} satisfies Sketch;
	await install(parted);
	// The server stands for a firewall: it resets what it has no port for.
	t.deepEqual([await asks(client, 'tcp', server4, 80), await asks(client, 'udp', server6, 80)], ['refused', 'refused']);
	t.deepEqual([await pings(client, server4), await installed.connections()], [false, []]);
	await install({...parted, rules: ['deny sg:web to sg:db']});
	t.is(await asks(client, 'tcp', server4, 80), 'silence');
});

scenario('hits: first packets of connections, kept when rules around them change', async t => {
	await rules('7: allow sg:web to sg:db');
	await run(['ping', '-c', '3', '-i', '0.01', server4], {namespace: client});
	await pings(client, server6);
	t.is(await installed.hits(7), 2);
	await rules('8: deny any to 10.0.0.9', '7: allow sg:web to sg:db', '9: allow 10.0.0.2,10.0.0.3 to any log rate 5 5');
	t.is(await installed.hits(7), 2);
});

scenario('a large packet is put together, judged by its ports, and taken apart again', async t => {
	await rules('allow sg:web to sg:db icmp');
	for (const to of [server4, server6]) {
		await t.notThrowsAsync(run(['ping', '-c', '1', '-W', '1', '-s', '5000', to], {namespace: client}), to);
	}
});

scenario('connections are found and cut, each bridge its own', async t => {
	await rules('allow sg:web to sg:db');
	await pings(client, server4);
	await pings(client, server6);
	t.deepEqual(await installed.connections(), [`icmp ${client4} ${server4}`, `icmpv6 ${client6} ${server6}`]);
	const elsewhere = {...installed.state, zone: 2};
	t.deepEqual((await installed.driver.connections(new Map([['s2', elsewhere]]))).get('s2'), []);
	await installed.cutAll();
	t.deepEqual(await installed.connections(), []);
});

scenario('two bridges in one namespace judge for themselves, whatever the first has let pass', async t => {
	const second = await buildBridge([11, 12], {bridge: 's2', fabric});
	try {
		await run(['ip', 'link', 'add', 's1-eth9', 'master', 's1', 'up', 'type', 'veth', 'peer', 'name', 's2-eth9'], {namespace: fabric});
		await run(['ip', 'link', 'set', 's2-eth9', 'master', 's2', 'up'], {namespace: fabric});
		await install({...base, ports: [1, 2, 3, 9]});
		t.true(await pings(other, '10.0.0.12'), 's2 has no policy');
		const next = new Installed(createBridgeDriver({namespaceOf: () => fabric}));
		await installed.cutAll();
		const sketch = {...base, device: 's2', zone: 2, hosts: [], ports: [9, 11, 12], bound: ''} satisfies Sketch;
		await next.change(next.driver.render(switchPlan({...sketch, isolation: 'all'}), next.state));
		t.false(await pings(other, '10.0.0.12'));
		await next.change(next.driver.render(switchPlan({...sketch, rules: ['allow 10.0.0.3 to any icmp']}), next.state));
		t.true(await pings(other, '10.0.0.12'));
		await next.change(next.driver.plain);
	} finally {
		await run(['ip', 'link', 'delete', 's1-eth9'], {namespace: fabric});
		second.down();
	}
});

/** A packet passes several hooks, and the rules may change between two of them: without state it may then meet both policies. */
scenario('a ping that all policies allow loses at most what is under way in the moment of a change', async t => {
	const changes = 12;
	const policies: Sketch[] = [
		{...base, rules: ['1: allow sg:web to sg:db stateless', '2: allow sg:db to sg:web stateless']},
		{...base, sets: {'sg:db': '10.0.0.0/16', 'sg:web': '10.0.0.0/16 fd00::/64'}, bound: `${base.bound} 10.0.0.3`, hosts: [...base.hosts.slice(0, 2), '10.0.0.3 fd00::3 bound'], rules: ['3: allow sg:web to sg:db stateless', '4: deny any to !sg:db']},
	];
	await install(policies[0] ?? base);
	const ping = run(['ping', '-q', '-i', '0.002', '-c', '400', server4], {namespace: client});
	for (let change = 1; change <= changes; change++) {
		await install(policies[change % 2] ?? base);
	}

	const received = Number(/(\d+) received/.exec((await ping).stdout)?.[1]);
	t.true(received >= 400 - changes, `${received}`);
});

scenario('an element more or less is that element, and a rule more leaves other chains alone', async t => {
	const sketch = {...base, rules: ['1: allow sg:web to sg:db']};
	await install(sketch);
	const commands = (after: Sketch) => bridgeCommands(installed.state, installed.driver.render(switchPlan(after), installed.state));
	t.deepEqual(commands({...sketch, sets: {...base.sets, 'sg:web': '10.0.0.1 10.0.0.77 fd00::1'}}).map(withoutHash), ['add element bridge securenet-s1 sg-web { 10.0.0.77 }']);
	t.deepEqual(commands({...sketch, sets: {...base.sets, 'sg:db': '10.0.0.2 10.0.0.3 fd00::2'}}).map(withoutHash), ['add element bridge securenet-s1 sg-db { 10.0.0.3 }']);
	t.deepEqual([...new Set(commands({...sketch, rules: [...sketch.rules, '2: deny any to any']}).flatMap(line => /^(?:flush chain|add rule) \S+ \S+ (\S+)/.exec(line)?.[1] ?? []))], ['PFW.4', 'COPY.4', 'PFW.6', 'COPY.6']);
	t.deepEqual(commands(sketch), []);
});

scenario('what the kernel holds is what was rendered, after changes there and back', async t => {
	const texts = async () => (await installed.lines()).map(({text}) => /comment "(.*)"$/.exec(text)?.[1]);
	const sketch = {...base, sets: {...base.sets, 'sg:web': '10.0.0.1 10.0.0.3 ::/0'}, bound: '10.0.0.3', hosts: ['10.0.0.1', '10.0.0.2', '10.0.0.3 fd00::3 bound +10.9.0.0/16 +::/0'], rules: ['3: reject sg:web to !sg:db udp dport 53 log', '4: allow any to any rate 3 5']} satisfies Sketch;
	for (const each of [sketch, base, sketch]) {
		await install(each);
		t.deepEqual((await texts()).toSorted(), [installed.state.frames, installed.state.tracking].flatMap(({lines}) => lines.map(({label}) => label)).toSorted());
	}

	const lines = await installed.lines();
	t.deepEqual(lines.filter(({sentence}) => sentence === undefined), []);
	t.true(lines.some(({text, sentence}) => text.includes('53') && sentence === 'reject sg:web to !sg:db udp dport 53 log'));
});

scenario('a refused rule changes nothing, and names device and rule', async t => {
	await rules('1: allow sg:web to sg:db');
	const next = installed.driver.render(switchPlan({...base, rules: ['1: allow sg:web to sg:db', '2: deny any to sg:db']}), installed.state);
	const forged = {...next, frames: {...next.frames, lines: next.frames.lines.map(line => line.rule === 2 ? {...line, text: `no such match ${line.text}`} : line)}};
	for (const attempt of ['check', 'apply'] as const) {
		const error = await t.throwsAsync(installed.driver[attempt]({device: 's1', previous: installed.state, next: forged}), {instanceOf: DeviceError});
		t.like(error, {device: 's1', sentence: 'deny any to sg:db'});
	}

	t.true(await pings(client, server4));
});

scenario('IP that connection tracking does not see passes nowhere', async t => {
	await rules('1: allow any to any');
	inside(fabric, () => {
		setSysctl('net/bridge/bridge-nf-call-iptables', 0);
	});
	t.false(await pings(client, server4));
	await rules('2: allow any to any');
	t.is(inside(fabric, () => getSysctl('net/bridge/bridge-nf-call-iptables')), '1');
	t.true(await pings(client, server4));
});

test.serial('the way back lets everything pass again', async t => {
	await rules('1: deny any to any');
	await installed.change(installed.driver.plain);
	t.deepEqual([await pings(client, server4), await pings(server, client6)], [true, true]);
	t.deepEqual(await installed.lines(), []);
});

for (const name of sampleNames) {
	test.serial(`the kernel takes sample ${name}`, async t => {
		await changeTables(fabric, readSample(name, 'expected.bridge').trim().split('\n'));
		await changeTables(fabric, ['delete table bridge securenet-s1', 'delete table inet securenet-s1']);
		t.pass();
	});
}

function withoutHash(command: string): string {
	return command.replace(/\.[\da-f]{6}\.[46] /, ' ');
}
