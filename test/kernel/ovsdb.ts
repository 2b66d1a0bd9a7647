/** Bridges and ports in a real database. */
import anyTest, {type TestFn} from 'ava';
import {execute} from '../../lib/kernel/process.ts';
import {type Fabric, buildFabric} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Fabric>;

test.beforeEach(async t => {
	t.context = await buildFabric('standalone');
});
test.afterEach.always(async t => {
	await t.context.down();
});

test.serial('a standalone bridge forwards as soon as it is added', async t => {
	t.is((await execute(['ping', '-c1', '-W1', '10.9.0.2'], {namespace: t.context.h1})).exitCode, 0);
});

test.serial('a port leaves, comes back under another number, a bridge goes', async t => {
	const {ovsdb, h1} = t.context;
	const pings = async () => (await execute(['ping', '-c1', '-W1', '10.9.0.2'], {namespace: h1})).exitCode === 0;
	await ovsdb.deletePort('s1', 'p1');
	t.false(await pings());
	await ovsdb.addPorts([{name: 's1', ports: [{name: 'p1', ofport: 17}]}]);
	t.true(await pings());
	await ovsdb.delBridge('s1');
	t.false(await pings());
});

test.serial('what is not there may be deleted', async t => {
	await t.notThrowsAsync(t.context.ovsdb.deletePort('s1', 'p9'));
	await t.notThrowsAsync(t.context.ovsdb.delBridge('s9'));
});

test.serial('every interface that is missing is named', async t => {
	const bridge = {name: 's2', ports: [{name: 'p8', ofport: 1}, {name: 'p9', ofport: 2}], datapathType: 'netdev', failMode: 'secure'} as const;
	const error = await t.throwsAsync(t.context.ovsdb.addBridges([bridge]), {code: 'ovs-port'});
	t.regex(error.message, /^Open vSwitch did not take 2 ports: .*p8 .*; .*p9 /);
});

test.serial('a port number that is taken', async t => {
	const {ovsdb} = t.context;
	await ovsdb.deletePort('s1', 'p1');
	await t.throwsAsync(ovsdb.addPorts([{name: 's1', ports: [{name: 'p1', ofport: 2}]}]), {message: /^Open vSwitch did not take a port: p1 got port number \d+ instead of 2$/});
});

test.serial('a bridge that is not there', async t => {
	await t.throwsAsync(t.context.ovsdb.addPorts([{name: 's9', ports: [{name: 'p9', ofport: 1}]}]), {message: 'Open vSwitch has no bridge s9.'});
});

test.serial('a bridge of the same name', async t => {
	const bridge = {name: 's1', ports: [], datapathType: 'netdev', failMode: 'secure'} as const;
	await t.throwsAsync(t.context.ovsdb.addBridges([bridge]), {message: /^ovsdb-server refused a change: constraint violation .*s1/});
});
