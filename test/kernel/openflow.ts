/** Flows on a real switch. */
import {readFileSync} from 'node:fs';
import anyTest, {type TestFn} from 'ava';
import {type Flow, dumpFlows, trace} from '../../lib/kernel/openflow.ts';
import {bundle} from '../helpers/bundle.ts';
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
	await bundle(bridge, ['add table=2 actions=drop']);
	t.deepEqual((await dumpFlows(bridge, 'table=2')).map(({text}) => text), ['actions=drop']);
	await bundle(bridge, ['delete table=2']);
	await bundle(bridge, ['delete_strict table=1,priority=7,tcp,tp_dst=80', 'modify arp actions=normal', 'add priority=1 actions=normal']);
	t.deepEqual((await dumpFlows(bridge)).map(({text}) => text), ['arp actions=NORMAL', 'actions=NORMAL']);
	t.regex(await trace(bridge, 'in_port=1,arp'), /Final flow/);
});

test.serial('a switch that is not there, and one that does not answer', async t => {
	const {bridge} = t.context;
	await t.throwsAsync(dumpFlows({...bridge, name: 's9'}), {message: /Switch s9 .*No such file or directory/});
	const vswitchd = Number(readFileSync(`${bridge.runDirectory}/ovs-vswitchd.pid`, 'utf8'));
	process.kill(vswitchd, 'SIGSTOP');
	try {
		await t.throwsAsync(dumpFlows(bridge), {message: 'Switch s1: ovs-vswitchd did not answer within 10 s.'});
	} finally {
		process.kill(vswitchd, 'SIGCONT');
	}
});

test.serial('a flow that cannot be traced', async t => {
	await t.throwsAsync(trace(t.context.bridge, 'foo=1'), {message: /ovs-vswitchd refused 'ofproto\/trace': .*unknown field foo/});
});
