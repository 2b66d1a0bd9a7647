/** Connections of the kernel's tracker and of userspace switches: real ones are opened, listed, deleted one by one. Of switches in the kernel: test/network/kernel-datapath.ts. */
import {writeFileSync} from 'node:fs';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import {ConnectionsError, type TrackedConnection, deleteConnections, describe, listConnections} from '../../lib/kernel/conntrack.ts';
import {type RunningProgram, start} from '../../lib/kernel/daemon.ts';
import {restore} from '../../lib/kernel/iptables.ts';
import {inside} from '../../lib/kernel/namespace.ts';
import {type Bridge, dumpFlows} from '../../lib/kernel/openflow.ts';
import {bundle} from '../helpers/bundle.ts';
import {execute, run} from '../../lib/kernel/process.ts';
import {protocolNumber} from '../../lib/kernel/protocol.ts';
import {deleteSwitchConnections, listSwitchConnections} from '../../lib/kernel/switch-conntrack.ts';
import {AF_INET, AF_INET6, SOCK_RAW, close, socket, trySendTo} from '../../lib/kernel/syscall.ts';
import {addressBytes, parseAddress} from '../../lib/util/address.ts';
import {eventually} from '../helpers/eventually.ts';
import {type Fabric, buildFabric} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Fabric & {servers: RunningProgram[]}>;
const zone = 5;

/** Everything is allowed and marked; what has lost its mark is not. */
const pipeline = [
	'add priority=10,arp actions=normal',
	'add priority=10,icmp6,icmp_type=135 actions=normal',
	'add priority=10,icmp6,icmp_type=136 actions=normal',
	...['ip', 'ipv6'].flatMap(family => [
		`add priority=5,ct_state=-trk,${family} actions=ct(zone=${zone},table=1)`,
		`add table=1,priority=5,ct_state=+new,${family} actions=ct(commit,zone=${zone},exec(set_field:1->ct_mark)),normal`,
		`add table=1,priority=5,ct_state=+est,ct_mark=1,${family} actions=normal`,
	]),
];

test.beforeEach(async t => {
	t.context = {...await buildFabric('secure', 'netdev'), servers: []};
	await bundle(t.context.bridge, pipeline);
});
test.afterEach.always(async t => {
	for (const {pid} of t.context.servers) {
		process.kill(pid, 'SIGKILL');
	}

	await t.context.down();
});

/** A client that stays connected. */
const client = `
const [, kind, address] = process.argv;
const {connect} = require('node:net');
const {createSocket} = require('node:dgram');
if (kind === 'tcp') {
	connect(8000, address);
} else {
	const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
	socket.send('x', 8001, address);
}
setTimeout(() => {}, 60000);
`;

async function open(t: ExecutionContext<Fabric & {servers: RunningProgram[]}>): Promise<void> {
	const {h1, h2, servers} = t.context;
	servers.push(start([process.execPath, '-e', 'require("node:net").createServer(() => {}).listen(8000, "::")'], {namespace: h2}));
	t.true(await eventually(async () => (await run(['ss', '-Hltn'], {namespace: h2})).stdout.includes(':8000')));
	for (const address of ['10.9.0.2', 'fd09::2']) {
		t.is((await execute(['ping', '-c1', '-W2', address], {namespace: h1})).exitCode, 0);
		servers.push(start([process.execPath, '-e', client, 'tcp', address], {namespace: h1}), start([process.execPath, '-e', client, 'udp', address], {namespace: h1}));
	}
}

const wanted = ['icmp 10.9.0.1 → 10.9.0.2', 'icmpv6 fd09::1 → fd09::2', 'tcp 10.9.0.1 → 10.9.0.2:8000', 'tcp fd09::1 → fd09::2:8000', 'udp 10.9.0.1 → 10.9.0.2:8001', 'udp fd09::1 → fd09::2:8001'];

/** Without what differs from run to run: the client's port and the ping's id. */
function summary(connections: readonly TrackedConnection[]): string[] {
	return connections.map(({protocol, source, destination, dport}) => `${protocol} ${source} → ${destination}${dport === undefined ? '' : `:${dport}`}`).sort();
}

test.serial('connections of the kernel', async t => {
	const {h2} = t.context;
	const table = '*filter\n-A INPUT -m conntrack --ctstate NEW -j CONNMARK --set-mark 3\nCOMMIT\n';
	await restore(h2, 4, table);
	await restore(h2, 6, table);
	await open(t);
	t.true(await eventually(async () => includesAll(await listConnections(h2))));
	const ours = (await listConnections(h2)).filter(each => wanted.includes(summary([each])[0] ?? ''));
	t.deepEqual(summary(ours), wanted);
	for (const [index, each] of ours.entries()) {
		t.is(each.mark, 3);
		// Deleting it twice shows that one that is gone is fine.
		deleteConnections(h2, [each, each]);
		const left = await listConnections(h2);
		t.false(left.map(describe).includes(describe(each)), describe(each));
		t.true(ours.slice(index + 1).every(other => left.map(describe).includes(describe(other))));
	}
});

/** UDP connections that are only in the table, half of them in the zone. */
async function load(t: ExecutionContext<Fabric>, count: number): Promise<TrackedConnection[]> {
	const {h2, bridge} = t.context;
	const connections = Array.from({length: count}, (_, index) => `-I -p udp -s 10.1.0.1 -d 10.2.0.1 --sport ${index + 1} --dport 53 -r 10.2.0.1 -q 10.1.0.1 --reply-port-src 53 --reply-port-dst ${index + 1} -t 600 -w ${(index % 2) * zone}\n`);
	// Not by standard input: conntrack opens /dev/stdin anew, which works on no socket, and Node's pipes are sockets.
	const file = `${bridge.runDirectory}/connections`;
	writeFileSync(file, connections.join(''));
	await run(['conntrack', '--load-file', file], {namespace: h2, timeout: 60_000});
	return listConnections(h2);
}

test.serial('many connections of the kernel go in one batch', async t => {
	const {h2} = t.context;
	const all = await load(t, 1000);
	t.is(all.length, 1000);
	t.is(all.filter(each => each.zone === zone).length, 500);
	const begin = process.cpuUsage();
	deleteConnections(h2, all.slice(1));
	const {user, system} = process.cpuUsage(begin);
	t.true(user + system < 1_000_000);
	t.deepEqual((await listConnections(h2)).map(describe), all.slice(0, 1).map(describe));
});

test.serial('one that is gone keeps none of 3,000 alive, which are more than one send holds', async t => {
	const {h2} = t.context;
	const all = await load(t, 3000);
	t.is(all.length, 3000);
	deleteConnections(h2, [{...all[0] as TrackedConnection, destination: '10.2.0.9'}, ...all]);
	t.is((await listConnections(h2)).length, 0);
});

test.serial('connections of a switch', async t => {
	const {bridge} = t.context;
	await open(t);
	t.true(await eventually(async () => includesAll(await inZone(bridge, zone))));
	t.deepEqual(await inZone(bridge, zone + 1), []);
	const ours = await inZone(bridge, zone);
	t.deepEqual(summary(ours), wanted);
	for (const [index, each] of ours.entries()) {
		t.like(each, {mark: 1, zone});
		await deleteSwitchConnections(bridge, zone, [each, each]);
		const left = (await inZone(bridge, zone)).filter(({mark}) => mark === 1);
		t.false(left.map(describe).includes(describe(each)), describe(each));
		t.true(ours.slice(index + 1).every(other => left.map(describe).includes(describe(other))));
	}
});

const addresses = {4: '10.9.0.2', 6: 'fd09::2'} as const;

/** Sends h2 one packet of a protocol. */
function inject({h1}: Fabric, family: 4 | 6, protocol: number, payload: Uint8Array = new Uint8Array(32)): void {
	const fd = inside(h1, () => socket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW, protocol));
	const to = Buffer.alloc(family === 4 ? 16 : 28);
	to.writeUInt16LE(family === 4 ? AF_INET : AF_INET6);
	to.set(addressBytes(parseAddress(addresses[family])), family === 4 ? 4 : 8);
	const refused = trySendTo(fd, payload, to);
	close(fd);
	if (refused !== undefined) {
		throw new Error(refused);
	}
}

/** From port 0 to port 53, without checksum. */
const fromPort0 = Uint8Array.of(0, 0, 0, 53, 0, 8, 0, 0);

test.serial('a packet of any protocol, and from port 0, is found and deleted by the kernel', async t => {
	const {h2, bridge} = t.context;
	await bundle(bridge, ['delete', 'add actions=normal']);
	await restore(h2, 4, '*filter\n-A INPUT -m conntrack --ctstate NEW -j CONNMARK --set-mark 3\nCOMMIT\n');
	const protocols = [2, 33, 47, 89, 132, 136, 253];
	protocols.forEach(protocol => {
		inject(t.context, 4, protocol);
	});
	inject(t.context, 4, 17, fromPort0);
	const known = async () => (await listConnections(h2)).filter(({family}) => family === 4);
	t.true(await eventually(async () => (await known()).some(({protocol, sport, dport}) => protocol === 'udp' && sport === 0 && dport === 53)));
	t.true(await eventually(async () => (await known()).some(({protocol}) => protocol === 'igmp')));
	const all = await known();
	t.notThrows(() => {
		deleteConnections(h2, all);
	});
	t.deepEqual((await known()).map(describe), []);
});

test.serial('packets of all protocols are found and deleted by a switch', async t => {
	const {bridge} = t.context;
	const protocols = [2, 33, 47, 50, 89, 132, 136, 253];
	for (const protocol of protocols) {
		inject(t.context, 4, protocol);
		inject(t.context, 6, protocol);
	}

	const others = async () => (await inZone(bridge, zone)).filter(({protocol}) => protocol !== 'icmpv6');
	t.true(await eventually(async () => {
		const found = new Set((await others()).map(({protocol}) => protocol));
		return ['igmp', '89', '253'].every(name => found.has(name));
	}));
	await deleteSwitchConnections(bridge, zone, await others());
	t.deepEqual((await others()).map(describe), []);
});

test.serial('a connection that cannot be deleted keeps no other alive, and is told', async t => {
	const {bridge, h2} = t.context;
	inject(t.context, 4, 253);
	t.true(await eventually(async () => (await inZone(bridge, zone)).length > 0));
	const all = await inZone(bridge, zone);
	const odd: TrackedConnection = {family: 4, protocol: 'foo', source: '10.9.0.1', destination: '10.9.0.2', mark: 1};
	const mixed: TrackedConnection = {family: 6, protocol: 'icmp', source: 'fd09::1', destination: 'fd09::2', icmp: {id: 0, type: 0, code: 0}, mark: 1};
	const words = 'foo 10.9.0.1 → 10.9.0.2: The number of protocol "foo" is not known';
	const mixture = 'icmp fd09::1 → fd09::2 id 0: Open vSwitch cannot find a connection of icmp in IPv6 packets';
	const error = await t.throwsAsync(deleteSwitchConnections(bridge, zone, [odd, mixed, ...all]), {instanceOf: ConnectionsError});
	t.deepEqual([...error.failures].sort(), [words, mixture]);
	t.deepEqual((await inZone(bridge, zone)).map(describe), []);
	const loaded = await load(t, 2);
	const {sport, dport, ...portless} = loaded[0] as TrackedConnection;
	t.true(sport !== undefined && dport === 53);
	t.throws(() => {
		deleteConnections(h2, [odd, ...loaded, portless]);
	}, {instanceOf: ConnectionsError, message: `A connection goes on that was to be cut: ${words}; and 1 more`});
	t.false((await listConnections(h2)).some(({dport}) => dport === 53));
});

test('protocols have numbers', t => {
	t.deepEqual(['igmp', 'tcp', '89'].map(protocolNumber), [2, 6, 89]);
	for (const unknown of ['foo', '', 'constructor']) {
		t.throws(() => protocolNumber(unknown), {message: `The number of protocol "${unknown}" is not known`});
	}
});

test.serial('a cut ping of either family stops, another goes on', async t => {
	const {bridge} = t.context;
	for (const address of ['10.9.0.2', 'fd09::2']) {
		const [cut, kept] = [endless(t, address), endless(t, address)];
		t.true(await eventually(async () => (await pingsTo(t, address)).length === 2));
		const [first] = await pingsTo(t, address) as [TrackedConnection];
		await bundle(bridge, ['modify_strict table=1,priority=5,ct_state=+new,ip actions=drop', 'modify_strict table=1,priority=5,ct_state=+new,ipv6 actions=drop']);
		await deleteSwitchConnections(bridge, zone, [first]);
		t.true(await eventually(async () => (await pingsTo(t, address)).length === 1));
		const before = await passed(t);
		t.true(await eventually(async () => await passed(t) > before + 10));
		t.is((await pingsTo(t, address)).length, 1);
		process.kill(cut.pid, 'SIGKILL');
		process.kill(kept.pid, 'SIGKILL');
		t.context.servers.length = 0;
		await bundle(bridge, pipeline);
	}
});

function endless(t: ExecutionContext<Fabric & {servers: RunningProgram[]}>, address: string): RunningProgram {
	const ping = start(['ping', '-i', '0.02', address], {namespace: t.context.h1});
	t.context.servers.push(ping);
	return ping;
}

async function pingsTo(t: ExecutionContext<Fabric>, address: string): Promise<TrackedConnection[]> {
	return (await inZone(t.context.bridge, zone)).filter(({destination, icmp, mark}) => destination === address && icmp && mark === 1);
}

/** Packets of marked connections. */
async function passed(t: ExecutionContext<Fabric>): Promise<number> {
	return (await dumpFlows(t.context.bridge, 'table=1,ct_mark=1')).reduce((sum, {packets}) => sum + packets, 0);
}

function includesAll(connections: readonly TrackedConnection[]): boolean {
	return wanted.every(each => summary(connections).includes(each));
}

async function inZone(bridge: Bridge, zone: number): Promise<TrackedConnection[]> {
	return (await listSwitchConnections(bridge)).get(zone) ?? [];
}
