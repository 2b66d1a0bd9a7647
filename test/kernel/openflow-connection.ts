/** A kept connection to a real switch, and to one of our own that misbehaves in every way. */
import {rmSync} from 'node:fs';
import {type Socket, createServer} from 'node:net';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {SwitchConnection} from '../../lib/kernel/openflow-connection.ts';
import {FlowError} from '../../lib/kernel/openflow-errors.ts';
import {encodeFlow} from '../../lib/kernel/openflow-flow.ts';
import {MessageCutter, makeMessage, type} from '../../lib/kernel/openflow-message.ts';
import {dumpFlows, packetsOut} from '../../lib/kernel/openflow.ts';
import type {Bridge} from '../../lib/kernel/openflow.ts';
import {run} from '../../lib/kernel/process.ts';
import {testDirectory} from '../helpers/fabric.ts';
import {FlowOracle} from '../helpers/flow-oracle.ts';

const oracle = await FlowOracle.start();
const {bridge} = oracle;
const connection = await SwitchConnection.open(bridge);
/** Takes one flow and no more. */
const fullTable = 200;
await run(['ovs-vsctl', `--db=unix:${bridge.runDirectory}/db.sock`, '--id=@full', 'create', 'Flow_Table', 'flow_limit=1', 'overflow_policy=refuse', '--', 'set', 'bridge', 's1', `flow_tables:${fullTable}=@full`]);
test.after.always(async () => {
	connection.close();
	await oracle.stop();
});

const encode = (...lines: readonly string[]) => lines.map(encodeFlow);
const before = ['delete', 'add cookie=0x10,table=1,priority=7,tcp,tp_dst=80 actions=NORMAL', 'add arp actions=drop'];
const texts = async () => (await dumpFlows(bridge)).map(({text}) => text);

test.serial('what was written is read back, change after change', async t => {
	await connection.bundle(encode(...before));
	t.deepEqual(await texts(), ['arp actions=drop', 'tcp,tp_dst=80 actions=NORMAL']);
	await connection.bundle(encode('delete_strict table=1,priority=7,tcp,tp_dst=80', 'modify arp actions=normal', 'add priority=1 actions=normal'));
	t.deepEqual(await texts(), ['arp actions=NORMAL', 'actions=NORMAL']);
	await connection.bundle([]);
	t.true(connection.isOpen);
});

/** What the switch refuses at once, and what only when it is to be done. */
const refusals: ReadonlyArray<readonly [line: string, name: string]> = [
	['add ip actions=meter:7', 'OFPMMFC_INVALID_METER'],
	['add actions=ct(commit)', 'OFPBAC_MATCH_INCONSISTENT'],
	['add ip actions=set_field:1->ct_mark', 'OFPBAC_BAD_SET_ARGUMENT'],
	[`add table=${fullTable},priority=2 actions=drop`, 'OFPFMFC_TABLE_FULL'],
];

for (const [line, name] of refusals) {
	test.serial(`a bundle with "${line}" changes nothing`, async t => {
		await connection.bundle(encode(...before, `add table=${fullTable},priority=1 actions=drop`));
		const was = await dumpFlows(bridge);
		const changes = encode('delete table=1', 'add priority=2 actions=drop', line, 'add priority=3 actions=drop');
		await t.throwsAsync(connection.bundle(changes), {instanceOf: FlowError, message: `Switch s1 refuses "${line}": ${name}`});
		t.deepEqual(await dumpFlows(bridge), was);
		t.true(connection.isOpen);
	});
}

test.serial('changes are prepared, and then made or not', async t => {
	await connection.bundle(encode(...before));
	const prepared = await Promise.all(['1', '2', '3'].map(async table => connection.prepare(encode(`add table=${table},udp actions=drop`))));
	t.is((await texts()).length, 2);
	prepared[1]?.discard();
	await Promise.all([prepared[2]?.commit(), prepared[0]?.commit()]);
	t.deepEqual((await connection.counts()).map(({table}) => table).sort(), [0, 1, 1, 3]);
	await t.throwsAsync(async () => prepared[1]?.commit(), {instanceOf: FlowError, message: 'Switch s1 refuses the flows: OFPBFC_BAD_ID'});
});

test.serial('what was prepared is gone with its connection', async t => {
	await connection.bundle(encode(...before));
	const other = await SwitchConnection.open(bridge);
	const {commit, discard} = await other.prepare(encode('delete'));
	other.close();
	discard();
	await t.throwsAsync(commit(), {code: 'switch-closed', message: 'Switch s1: the connection was closed.'});
	t.is((await texts()).length, 2);
	t.false(other.isOpen);
});

test.serial('changes of which the switch has read the like are made without being looked at, as one', async t => {
	const lines = (n: number) => [`add table=3,priority=${n},ip,nw_src=10.0.0.${n} actions=set_field:${n}->reg0,goto_table:4`, `add table=${fullTable},priority=${n} actions=drop`];
	await connection.bundle(encode('delete', ...lines(1)));
	const was = await dumpFlows(bridge);
	const prepared = await connection.prepare(encode(...lines(2)));
	await t.throwsAsync(prepared.commit(), {instanceOf: FlowError, message: `Switch s1 refuses "${lines(2)[1]}": OFPFMFC_TABLE_FULL`});
	t.deepEqual(await dumpFlows(bridge), was);
	await connection.bundle(encode(...lines(2).slice(0, 1)));
	t.deepEqual((await texts()).sort(), ['actions=drop', 'ip,nw_src=10.0.0.1 actions=set_field:0x1->reg0,goto_table:4', 'ip,nw_src=10.0.0.2 actions=set_field:0x2->reg0,goto_table:4']);
});

test.serial('many changes at once over one connection', async t => {
	await connection.bundle(encode('delete'));
	await Promise.all(Array.from({length: 20}, async (_, index) => connection.bundle(encode(`add table=${index},udp actions=drop`, `add table=${index},tcp actions=drop`))));
	t.is((await connection.counts()).length, 40);
});

test.serial('counts are those of ovs-ofctl', async t => {
	await connection.bundle(encode('delete', 'add cookie=0xfffff00000000001,table=5,priority=3,arp actions=resubmit(,6)', 'add cookie=2,table=6 actions=drop', 'add table=7 actions=drop'));
	const frame = Buffer.from('ffffffffffff0200000000010806000108000604000102000000000a0a000001000000000000000a000002', 'hex');
	await packetsOut(bridge, [1, 2, 3].map(() => ({bytes: frame, actions: 'resubmit(,5)'})));
	const counts = await connection.counts();
	t.is(counts.find(({cookie}) => cookie === 0xFF_FF_F0_00_00_00_00_01n)?.packets, 3);
	const dumped = (await dumpFlows(bridge)).map(({cookie, table, priority, packets, bytes}) => ({cookie, table, priority, packets, bytes}));
	const byTable = (a: {table: number}, b: {table: number}) => a.table - b.table;
	t.deepEqual([...counts].sort(byTable), [...dumped].sort(byTable));
	t.deepEqual(await connection.counts({table: 6}), dumped.filter(({table}) => table === 6));
	t.deepEqual(await connection.counts({cookie: {value: 0xF_FF_FFn << 44n, mask: 0xF_FF_FFn << 44n}}), dumped.filter(({table}) => table === 5));
});

test.serial('a long list of counts comes in many answers', async t => {
	const lines = Array.from({length: 2000}, (_, index) => `add cookie=${index + 1},table=8,priority=${index + 1},ip,nw_src=10.0.0.1 actions=set_field:1->reg0,set_field:2->reg1,set_field:3->reg2,goto_table:9`);
	await connection.bundle(encode('delete', ...lines));
	const counts = await connection.counts();
	t.is(new Set(counts.map(({cookie}) => cookie)).size, lines.length);
});

test.serial('an open connection keeps no program from ending', async t => {
	const script = `
		import {SwitchConnection} from '${join(import.meta.dirname, '../../lib/kernel/openflow-connection.ts')}';
		const connection = await SwitchConnection.open(${JSON.stringify(bridge)});
		console.log((await connection.counts({table: 250})).length, connection.isOpen);`;
	t.is((await run([process.execPath, '--import', 'tsx', '--input-type=module', '-e', script])).stdout.trim(), '0 true');
});

test.serial('a switch that lets go of a program that is too busy to greet it is called on again', async t => {
	const opening = SwitchConnection.open(bridge);
	// It waits for one second.
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
	const late = await opening;
	await t.notThrowsAsync(late.bundle([]));
	late.close();
});

test('a switch that is not there', async t => {
	await t.throwsAsync(SwitchConnection.open({...bridge, name: 's9'}), {code: 'no-answer', message: /^Switch s9 cannot be reached: connect ENOENT .*s9\.mgmt$/});
	await t.throwsAsync(SwitchConnection.open({...bridge, name: 's'.repeat(107)}), {code: 'socket-path'});
});

/** A switch that greets, and then does with each message what the test says. */
async function pretend(t: ExecutionContext, answer: (message: {readonly type: number; readonly xid: number}, socket: Socket) => void, hello = makeMessage(type.hello, 0)): Promise<Bridge> {
	const directory = testDirectory();
	const server = createServer(socket => {
		const cutter = new MessageCutter();
		socket.on('error', () => undefined);
		socket.write(hello);
		socket.on('data', (chunk: Buffer) => {
			for (const message of cutter.cut(chunk)) {
				answer(message, socket);
			}
		});
	});
	await new Promise<void>(resolve => {
		server.listen(join(directory, 's1.mgmt'), resolve);
	});
	t.teardown(() => {
		server.close();
		rmSync(directory, {recursive: true});
	});
	return {runDirectory: directory, name: 's1'};
}

test('answers may come in single bytes, among echo requests and news that nobody asked for', async t => {
	const seen: number[] = [];
	const pretended = await pretend(t, ({type: kind, xid}, socket) => {
		seen.push(kind);
		if (kind === type.barrierRequest) {
			const bytes = Buffer.concat([makeMessage(type.echoRequest, 77, Buffer.from('ping')), makeMessage(type.error, 12_345, Buffer.alloc(4)), makeMessage(12, 0, Buffer.alloc(100)), makeMessage(kind + 1, xid)]);
			void writeSlowly(bytes, socket);
		} else if (kind === type.bundleControl && seen.filter(each => each === type.bundleControl).length === 2) {
			socket.write(makeMessage(kind, xid, Buffer.alloc(8)));
		}
	});
	using own = await SwitchConnection.open(pretended);
	await own.bundle(encode('add actions=drop', 'add ip actions=drop'));
	t.deepEqual(seen.filter(kind => kind !== type.echoReply), [type.hello, type.bundleControl, type.bundleAdd, type.bundleAdd, type.barrierRequest, type.bundleControl]);
	t.true(seen.includes(type.echoReply));
});

/** Answers as a switch that takes everything, but for what the test answers itself: that is refused as Open vSwitch refuses what it cannot read. */
function obliging(seen: number[], isRefused: () => boolean = () => false) {
	return ({type: kind, xid}: {readonly type: number; readonly xid: number}, socket: Socket) => {
		seen.push(kind);
		if (kind === type.bundleAdd && isRefused()) {
			socket.write(makeMessage(type.error, xid, Buffer.from([0, 4, 0, 6])));
		} else if (kind === type.barrierRequest) {
			socket.write(makeMessage(kind + 1, xid));
		} else if (kind === type.bundleControl) {
			socket.write(makeMessage(kind, xid, Buffer.alloc(8)));
		}
	};
}

const alike = (count: number) => encode(...Array.from({length: count}, (_, index) => `add ip,nw_src=10.0.0.${index} actions=drop`));

test('only a few changes are made without being looked at, and only those whose like was read', async t => {
	const seen: number[] = [];
	using own = await SwitchConnection.open(await pretend(t, obliging(seen)));
	const [{bundleControl, bundleAdd, barrierRequest}, sent] = [type, async (changes: ReturnType<typeof encode>) => {
		seen.length = 0;
		await own.bundle(changes);
		return seen.filter(kind => kind !== bundleAdd && kind !== type.hello);
	}];
	const looked = [bundleControl, barrierRequest, bundleControl];
	t.deepEqual(await sent(alike(1)), looked);
	t.deepEqual(await sent(alike(40)), [bundleControl, bundleControl]);
	t.deepEqual(await sent(alike(41)), looked);
	t.deepEqual(await sent([...alike(1), ...encode('add arp actions=drop')]), looked);
	seen.length = 0;
	(await own.prepare(alike(2))).discard();
	await own.bundle(encode('add udp actions=drop'));
	t.is(seen.length, 4, 'what the switch has not heard of is not discarded');
});

test('a switch that leaves out what it had read the like of is looked at again', async t => {
	const seen: number[] = [];
	let isRefused = false;
	using own = await SwitchConnection.open(await pretend(t, obliging(seen, () => isRefused)));
	await own.bundle(alike(1));
	isRefused = true;
	await t.throwsAsync(own.bundle(alike(1)), {code: 'left-out', message: 'Switch s1 has made a change without a part that it cannot read: Switch s1 refuses "add ip,nw_src=10.0.0.0 actions=drop": OFPBMC_BAD_FIELD'});
	seen.length = 0;
	await t.throwsAsync(own.bundle(alike(1)), {instanceOf: FlowError});
	t.true(seen.includes(type.barrierRequest));
});

/** Each byte arrives alone. */
async function writeSlowly(bytes: Buffer, socket: Socket): Promise<void> {
	for (const byte of bytes) {
		socket.write(Buffer.of(byte));
		await sleep(1);
	}
}

test('a switch that goes away while it should answer', async t => {
	const pretended = await pretend(t, ({type: kind}, socket) => {
		if (kind === type.bundleControl) {
			socket.destroy();
		}
	});
	const own = await SwitchConnection.open(pretended);
	const closed = {code: 'switch-closed', message: /^Switch s1: ovs-vswitchd closed the connection/};
	const both = [own.bundle(encode('add actions=drop')), own.counts()];
	for (const each of both) {
		await t.throwsAsync(each, closed);
	}

	t.false(own.isOpen);
	await t.throwsAsync(own.counts(), closed);
});

test('a switch that does not answer', async t => {
	const own = await SwitchConnection.open(await pretend(t, () => undefined));
	await t.throwsAsync(own.bundle(encode('add actions=drop', 'add ip actions=drop')), {code: 'no-answer', message: 'Switch s1: ovs-vswitchd did not answer within 5.002 s.'});
	t.false(own.isOpen);
});

test('a switch that does not greet', async t => {
	await t.throwsAsync(SwitchConnection.open(await pretend(t, () => undefined, Buffer.alloc(0))), {code: 'no-answer', message: 'Switch s1: ovs-vswitchd did not answer within 5 s.'});
	const gone = await pretend(t, (_, socket) => socket.destroy(), Buffer.alloc(0));
	await t.throwsAsync(SwitchConnection.open(gone), {code: 'switch-closed'});
});

test('a switch that does not speak OpenFlow 1.4', async t => {
	const only13 = Buffer.from([0, 1, 0, 8, 0, 0, 0, 0x10]);
	for (const hello of [makeMessage(type.hello, 0, only13), Buffer.from([1, 0, 0, 8, 0, 0, 0, 0]), makeMessage(type.error, 0, Buffer.alloc(4))]) {
		await t.throwsAsync(SwitchConnection.open(await pretend(t, () => undefined, hello)), {code: 'openflow-version', message: /^Switch s1 does not speak OpenFlow 1\.4\./});
	}
});
