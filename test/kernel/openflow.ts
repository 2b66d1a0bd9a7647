/** Flows on a real switch. */
import {readFileSync} from 'node:fs';
import anyTest, {type TestFn} from 'ava';
import {type Flow, FlowError, bundle, dumpFlows, parseFlows, trace} from '../../lib/kernel/openflow.ts';
import {type Fabric, buildFabric} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Fabric>;

test.beforeEach(async t => {
	t.context = await buildFabric('secure');
});
test.afterEach.always(async t => {
	await t.context.down();
});

const before = ['add cookie=0x10,table=1,priority=7,tcp,tp_dst=80 actions=normal', 'add arp actions=drop'];

test.serial('what was written is read back', async t => {
	const {bridge} = t.context;
	await bundle(bridge, before);
	t.deepEqual(await dumpFlows(bridge), [
		{cookie: 0n, table: 0, priority: 32_768, packets: 0, bytes: 0, text: 'arp actions=drop'},
		{cookie: 16n, table: 1, priority: 7, packets: 0, bytes: 0, text: 'tcp,tp_dst=80 actions=NORMAL'},
	] satisfies Flow[]);
	t.is((await dumpFlows(bridge, 'table=1')).length, 1);
	await bundle(bridge, ['delete_strict table=1,priority=7,tcp,tp_dst=80', 'modify arp actions=normal', 'add priority=1 actions=normal']);
	t.deepEqual((await dumpFlows(bridge)).map(({text}) => text), ['arp actions=NORMAL', 'actions=NORMAL']);
	t.regex(await trace(bridge, 'in_port=1,arp'), /Final flow/);
});

/** What each of both says to a bundle with one bad line behind a good one. */
const refusals: ReadonlyArray<{line: string; checked: RegExp | undefined; applied: RegExp}> = [
	{line: 'add foo=1 actions=drop', checked: /^Switch s1 refuses "add foo=1 actions=drop": unknown keyword foo$/, applied: /^Switch s1 refuses "add foo=1 actions=drop": unknown keyword foo$/},
	{line: 'add ip', checked: /^Switch s1 refuses "add ip": must specify an action$/, applied: /^Switch s1 refuses "add ip": must specify an action$/},
	{line: 'add ip actions=resubmit(,999)', checked: /resubmit to unknown table/, applied: /resubmit to unknown table/},
	// Only the switch knows its groups.
	{line: 'add ip actions=group:7', checked: undefined, applied: /^Switch s1 refuses "ADD ip actions=group:7": OFPBAC_BAD_OUT_GROUP$/},
];

for (const {line, checked, applied} of refusals) {
	test.serial(`a bundle with "${line}" changes nothing`, async t => {
		const {bridge} = t.context;
		await bundle(bridge, before);
		const was = await dumpFlows(bridge);
		const lines = ['delete', 'add priority=2 actions=drop', line];
		if (checked) {
			await t.throwsAsync(parseFlows(bridge, lines), {instanceOf: FlowError, message: checked});
		} else {
			await t.notThrowsAsync(parseFlows(bridge, lines));
		}

		await t.throwsAsync(bundle(bridge, lines), {instanceOf: FlowError, message: applied});
		t.deepEqual(await dumpFlows(bridge), was);
	});
}

test.serial('a port without its protocol would match everything, so it is refused', async t => {
	await t.throwsAsync(parseFlows(t.context.bridge, ['add tp_dst=80 actions=drop']), {instanceOf: FlowError, message: 'Switch s1 refuses "tp_dst=80": it matches fields of a protocol that it does not match'});
});

test.serial('every kind of line can be checked', async t => {
	await t.notThrowsAsync(parseFlows(t.context.bridge, ['add ip actions=drop', 'modify ip actions=drop', 'modify_strict ip actions=drop', 'delete', 'delete cookie=0x1/-1', 'delete_strict cookie=0x1/-1,table=1,ip']));
});

test.serial('a switch that is not there', async t => {
	await t.throwsAsync(bundle({...t.context.bridge, name: 's9'}, ['add actions=drop']), {instanceOf: FlowError, message: /Switch s9 refuses the flows: connecting to .*s9.mgmt \(No such file or directory\)/});
});

test.serial('a switch that does not answer', async t => {
	const {bridge} = t.context;
	const vswitchd = Number(readFileSync(`${bridge.runDirectory}/ovs-vswitchd.pid`, 'utf8'));
	process.kill(vswitchd, 'SIGSTOP');
	try {
		const begin = performance.now();
		await t.throwsAsync(bundle(bridge, before), {message: 'Switch s1: ovs-vswitchd did not answer within 5.002 s.'});
		t.true(performance.now() - begin < 10_000);
	} finally {
		process.kill(vswitchd, 'SIGCONT');
	}
});

test.serial('a flow that cannot be traced', async t => {
	await t.throwsAsync(trace(t.context.bridge, 'foo=1'), {message: /ovs-vswitchd refused 'ofproto\/trace': .*unknown field foo/});
});
