/** Bridges and ports in a real database. */
import anyTest, {type TestFn} from 'ava';
import {execute, run} from '../../lib/kernel/process.ts';
import {type Fabric, buildFabric} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Fabric>;

test.beforeEach(async t => {
	t.context = await buildFabric('standalone');
});
test.afterEach.always(async t => {
	await t.context.down();
});

test.serial('a standalone bridge forwards as soon as its ports are added', async t => {
	t.is((await execute(['ping', '-c1', '-W1', '10.9.0.2'], {namespace: t.context.h1})).exitCode, 0);
});

test.serial('every interface that is missing is named, and only those', async t => {
	const {ovsdb, fabric} = t.context;
	await run(['ip', 'link', 'add', 'p3', 'type', 'veth', 'peer', 'name', 'p4'], {namespace: fabric});
	await ovsdb.addBridges([{name: 's2', datapathType: 'netdev', failMode: 'secure'}]);
	const ports = ['p8', 'p3', 'p9'].map((name, index) => ({name, ofport: index + 3}));
	const error = await t.throwsAsync(ovsdb.addPorts([{name: 's2', ports}, {name: 's1', ports: [{name: 'p4', ofport: 9}]}]), {code: 'ovs-port'});
	t.regex(error.message, /^Open vSwitch did not take 2 ports: .*p8 .*; .*p9 /);
});

test.serial('a port number that is taken', async t => {
	const {ovsdb, fabric} = t.context;
	await run(['ip', 'link', 'add', 'p3', 'type', 'veth', 'peer', 'name', 'p4'], {namespace: fabric});
	await t.throwsAsync(ovsdb.addPorts([{name: 's1', ports: [{name: 'p3', ofport: 2}]}]), {message: /^Open vSwitch did not take a port: p3 got port number \d+ instead of 2$/});
});

test.serial('the cost of adding ports does not grow with the bridges that get some', async t => {
	const {ovsdb, fabric} = t.context;
	const names = Array.from({length: 20}, (_, index) => `x${index}`);
	await run(['ip', '-batch', '-'], {namespace: fabric, input: names.map(name => `link add ${name} type veth peer name ${name}b\n`).join('')});
	await ovsdb.addBridges(names.map(name => ({name: `s${name}`, datapathType: 'netdev', failMode: 'secure'})));
	const transact = ovsdb.transact.bind(ovsdb);
	let transactions = 0;
	ovsdb.transact = async operations => {
		transactions++;
		return transact(operations);
	};
	await ovsdb.addPorts(names.map(name => ({name: `s${name}`, ports: [{name, ofport: 1}]})));
	t.is(transactions, 3);
});

test.serial('a bridge that is not there', async t => {
	await t.throwsAsync(t.context.ovsdb.addPorts([{name: 's9', ports: [{name: 'p9', ofport: 1}]}]), {message: 'Open vSwitch has no bridge s9.'});
});

test.serial('a bridge of the same name', async t => {
	const bridge = {name: 's1', datapathType: 'netdev', failMode: 'secure'} as const;
	await t.throwsAsync(t.context.ovsdb.addBridges([bridge]), {message: /^ovsdb-server refused a change: constraint violation .*s1/});
});
