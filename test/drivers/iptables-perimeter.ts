/** The perimeter driver on a real kernel: a router between two hosts, both families. */
import test from 'ava';
import type {InstalledLine} from '../../lib/drivers/driver.ts';
import {DeviceError} from '../../lib/drivers/driver.ts';
import {createPerimeterDriver} from '../../lib/drivers/iptables-perimeter.ts';
import {diffPerimeter, plainRouter, renderPerimeter, restoreText} from '../../lib/drivers/iptables-render.ts';
import type {PerimeterState} from '../../lib/drivers/iptables-render.ts';
import {restoreSets, saveSets} from '../../lib/kernel/ipset.ts';
import {backEnd, restore, save} from '../../lib/kernel/iptables.ts';
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {ProgramError, run} from '../../lib/kernel/process.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {perimeterPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';
import {readSample, sampleNames} from '../helpers/samples.ts';

const [client, router, server, scratch] = testNamespaces('client', 'fw', 'server', 'scratch') as [Namespace, Namespace, Namespace, Namespace];
const driver = createPerimeterDriver({namespaceOf: () => router});
const device = 'fw';
let state: PerimeterState = plainRouter;

test.before(async () => {
	for (const [host, number] of [[client, 1], [server, 2]] as const) {
		await run(['ip', 'link', 'add', `r${number}`, 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.name], {namespace: router});
		await batch(router, [`address add 10.0.${number}.254/24 dev r${number}`, `address add fd0${number}::fe/64 dev r${number} nodad`]);
		await batch(host, ['link set lo up', 'link set eth0 up', `address add 10.0.${number}.1/24 dev eth0`, `address add fd0${number}::1/64 dev eth0 nodad`,
			`route add default via 10.0.${number}.254`, `route add ::/0 via fd0${number}::fe`]);
	}

	await run(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'], {namespace: router});
});
test.after.always(() => {
	deleteNamespaces([client, router, server, scratch]);
});

const base = {
	sets: {'sg:db': '10.0.2.1 fd02::1', 'sg:web': '10.0.1.1 fd01::1'},
	bound: '10.0.1.1 10.0.2.1 fd01::1 fd02::1',
	routers: '10.0.1.254 10.0.2.254 fd01::fe fd02::fe',
	domains: ['10.0.1.0/24 fd01::/64', '10.0.2.0/24 fd02::/64'],
	rules: ['1: allow sg:web to sg:db'],
} satisfies Sketch;

async function install(plan: DevicePlan): Promise<void> {
	const next = driver.render(plan, state);
	const step = {device, previous: state, next};
	await driver.check(step);
	await driver.apply(step);
	state = next;
}

async function pings(from: Namespace, to: string): Promise<boolean> {
	try {
		await run(['ping', '-c', '1', '-W', '1', to], {namespace: from});
		return true;
	} catch (error) {
		if (error instanceof ProgramError) {
			return false;
		}

		throw error;
	}
}

test.serial('nothing crosses until a rule says so, then exactly its direction, in both families', async t => {
	await install(perimeterPlan({...base, rules: []}));
	t.deepEqual([await pings(client, '10.0.2.1'), await pings(client, 'fd02::1')], [false, false]);
	await install(perimeterPlan(base));
	t.deepEqual([await pings(client, '10.0.2.1'), await pings(client, 'fd02::1')], [true, true]);
	t.deepEqual([await pings(server, '10.0.1.1'), await pings(server, 'fd01::1')], [false, false]);
	t.true(await pings(server, '10.0.1.254'));
});

test.serial('the error that belongs to an allowed connection comes back', async t => {
	await install(perimeterPlan(base));
	const error = await t.throwsAsync(run(['bash', '-c', 'exec 3<>/dev/udp/10.0.2.1/9; echo x >&3; sleep 0.3; echo x >&3'], {namespace: client}), {instanceOf: ProgramError});
	t.regex(error.stderr, /refused/i);
});

test.serial('counts: first packets of connections, kept when the chain is replaced', async t => {
	const hits = async () => (await installed()).filter(({rule}) => rule === 5).reduce((sum, {packets}) => sum + packets, 0);
	await install(perimeterPlan({...base, rules: ['5: allow sg:web to sg:db']}));
	await run(['ping', '-c', '3', '-i', '0.01', '10.0.2.1'], {namespace: client});
	await pings(client, 'fd02::1');
	t.is(await hits(), 2);
	await install(perimeterPlan({...base, rules: ['4: deny any to 10.0.2.9', '5: allow sg:web to sg:db']}));
	t.is(await hits(), 2);
});

test.serial('connections are found and cut', async t => {
	await install(perimeterPlan(base));
	await pings(client, '10.0.2.1');
	await pings(client, 'fd02::1');
	const connections = (await driver.connections(new Map([[device, state]]))).get(device) ?? [];
	t.true(connections.some(({destination}) => destination === '10.0.2.1') && connections.some(({destination}) => destination === 'fd02::1'));
	await driver.cut(device, state, connections);
	t.deepEqual((await driver.connections(new Map([[device, state]]))).get(device), []);
});

for (const [name, sketch] of Object.entries({
	'one element': {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}},
	'several elements': {...base, sets: {...base.sets, 'sg:web': '10.0.1.7 10.0.1.8 fd01::1 fd01::2'}},
	'a host and its boundness': {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}, bound: `${base.bound} 10.0.1.2`},
	'two sets and a rule': {...base, sets: {'sg:db': '10.0.2.7', 'sg:web': '10.0.1.7 ::/0'}, rules: ['9: deny any to any']},
} satisfies Record<string, Sketch>)) {
	test.serial(`the kernel holds what was rendered, after a change of ${name} and back`, async t => {
		await install(perimeterPlan(base));
		for (const plan of [perimeterPlan(sketch), perimeterPlan(base)]) {
			await install(plan);
			t.deepEqual(await elements(), rendered(state));
			t.false(driver.differs(state, driver.render(plan, state)));
		}
	});
}

test.serial('a refused rule changes nothing, leaves no sets, and names device and rule', async t => {
	await install(perimeterPlan(base));
	const before = [await elements(), await rules()];
	const next = driver.render(perimeterPlan({...base, sets: {...base.sets, 'sg:web': '10.0.1.9'}, rules: ['3: deny any to sg:db']}), state);
	const forged = {...next, lines: {...next.lines, 6: next.lines[6].map(line => line.rule === 3 ? {...line, text: `${line.text} --no-such-option`} : line)}};
	const error = await t.throwsAsync(driver.check({device, previous: state, next: forged}), {instanceOf: DeviceError});
	t.like(error, {device: 'fw', sentence: 'deny any to sg:db'});
	t.deepEqual([await elements(), await rules()], before);
	await driver.check({device, previous: state, next});
	await driver.discard({device, previous: state, next});
	t.deepEqual([await elements(), await rules()], before);
});

test.serial('a family that is refused after the other was changed: both are as before', async t => {
	await install(perimeterPlan(base));
	const before = [await elements(), await rules()];
	const next = driver.render(perimeterPlan({...base, sets: {...base.sets, 'sg:web': '10.0.1.9'}, rules: ['3: deny any to sg:db']}), state);
	const forged = {...next, lines: {...next.lines, 6: next.lines[6].map(line => ({...line, text: `${line.text} --no-such-option`}))}};
	await driver.check({device, previous: state, next});
	await t.throwsAsync(driver.apply({device, previous: state, next: forged}), {instanceOf: DeviceError});
	t.deepEqual([await elements(), await rules()], before);
});

test.serial('hits go on after a refusal, and what cannot be taken back is told beside it', async t => {
	await install(perimeterPlan({...base, rules: ['6: allow sg:web to sg:db']}));
	const hits = async () => (await installed()).filter(({rule}) => rule === 6).reduce((sum, {packets}) => sum + packets, 0);
	await pings(client, '10.0.2.1');
	t.is(await hits(), 1);
	const next = driver.render(perimeterPlan({...base, rules: ['6: allow sg:web to sg:db', '7: deny any to any']}), state);
	const forge = (of: PerimeterState, family: 4 | 6): PerimeterState => ({...of, lines: {...of.lines, [family]: of.lines[family].map(line => ({...line, text: `${line.text} --no-such-option`}))}});
	const refused = await t.throwsAsync(driver.apply({device, previous: state, next: forge(next, 6)}), {instanceOf: DeviceError});
	t.regex(refused.message, /nothing has changed/);
	t.is(await hits(), 1);
	const stuck = await t.throwsAsync(driver.apply({device, previous: forge(state, 4), next: forge(next, 6)}), {instanceOf: DeviceError});
	t.regex(stuck.message, /^fw refuses .*could not be taken back: .*no-such-option.*ip6tables-restore/s);
	await restore(router, 4, restoreText(state.lines[4], state.lines[4], new Map()));
});

for (const [name, sketch] of Object.entries({
	'under new names': {...base, sets: {'sg:db': '10.0.2.7', 'sg:web': '10.0.1.7'}, rules: ['9: deny any to any']},
	'swapped in': {...base, sets: {...base.sets, 'sg:web': '10.0.1.7 10.0.1.8 fd01::1 fd01::2'}},
} satisfies Record<string, Sketch>)) {
	test.serial(`sets that an earlier change has left behind are in the way of none that is ${name}`, async t => {
		await install(perimeterPlan(base));
		const {create, change} = diffPerimeter(state, driver.render(perimeterPlan(sketch), state));
		const left = [...create, ...change].filter(line => line.startsWith('create '));
		t.true(left.length > 0);
		await restoreSets(router, left.flatMap(line => [line, `add ${/(\S+\.[46]) /.exec(line)?.[1] ?? ''} ${line.includes('inet6') ? 'fd09::/64' : '10.9.0.0/16'}`]));
		await install(perimeterPlan(sketch));
		t.deepEqual(await elements(), rendered(state));
	});
}

test.serial('an applied step stands, also when what it replaced cannot be deleted', async t => {
	await install(perimeterPlan(base));
	const next = driver.render(perimeterPlan({...base, sets: {'sg:db': '10.0.2.7', 'sg:web': '10.0.1.7'}, rules: ['9: deny any to any']}), state);
	const old = diffPerimeter(state, next).destroy.map(line => line.split(' ')[1] ?? '').find(name => name.startsWith('sg:web') && name.endsWith('.4')) ?? '';
	await run(['iptables', '-A', 'INPUT', '-m', 'set', '--match-set', old, 'src', '-j', 'DROP'], {namespace: router});
	await driver.check({device, previous: state, next});
	await driver.apply({device, previous: state, next});
	state = next;
	await run(['iptables', '-D', 'INPUT', '-m', 'set', '--match-set', old, 'src', '-j', 'DROP'], {namespace: router});
	const kept = (await saveSets(router)).flatMap(line => /^create (\S+)/.exec(line)?.[1] ?? []).filter(name => diffPerimeter(plainRouter, state).create.every(made => !made.includes(name)));
	t.true(kept.includes(old));
	await restoreSets(router, kept.map(name => `destroy ${name}`));
	t.deepEqual(await elements(), rendered(state));
});

test.serial('rules of the other back end are found before the first change of a router, and named', async t => {
	const other = await backEnd() === 'legacy' ? 'iptables-nft' : 'iptables-legacy';
	await run([other, '-A', 'FORWARD', '-s', '192.0.2.1', '-j', 'DROP'], {namespace: scratch});
	const fresh = createPerimeterDriver({namespaceOf: () => scratch});
	const step = {device, previous: plainRouter, next: fresh.render(perimeterPlan(base), plainRouter)};
	const error = await t.throwsAsync(fresh.check(step), {instanceOf: DeviceError});
	t.regex(error.message, /^fw refuses the policy; nothing has changed\. .*-A FORWARD -s 192\.0\.2\.1\/32 -j DROP/);
	t.deepEqual(await saveSets(scratch), []);
	await run([other, '-F', 'FORWARD'], {namespace: scratch});
	await fresh.check(step);
	await fresh.discard(step);
	t.deepEqual(await saveSets(scratch), []);
});

test.serial('lists its lines with their sentences, and those of others without', async t => {
	await install(perimeterPlan(base));
	await restore(router, 4, '*filter\n-A INPUT -s 192.0.2.9 -j DROP\nCOMMIT\n');
	const lines = await installed();
	t.deepEqual(lines.filter(({sentence}) => sentence === undefined).map(({text}) => text), ['iptables -A INPUT -s 192.0.2.9/32 -j DROP']);
	t.is(lines.filter(({rule, sentence}) => rule === 1 && sentence === 'allow sg:web to sg:db').length, 2);
	await restore(router, 4, '*filter\n-D INPUT -s 192.0.2.9 -j DROP\nCOMMIT\n');
});

test.serial('the way back leaves no chains and no sets', async t => {
	await install(perimeterPlan(base));
	const step = {device, previous: state, next: plainRouter};
	await driver.check(step);
	await driver.apply(step);
	state = plainRouter;
	t.deepEqual(await saveSets(router), []);
	t.notRegex(await save(router, 4), /PFW/);
	t.regex(await save(router, 4), /:FORWARD ACCEPT/);
});

for (const name of sampleNames) {
	test.serial(`the kernel takes sample ${name}`, async t => {
		await restoreSets(scratch, readSample(name, 'expected.ipset').trim().split('\n'));
		for (const [family, file] of [[4, 'expected.iptables'], [6, 'expected.ip6tables']] as const) {
			await restore(scratch, family, readSample(name, file));
			await restore(scratch, family, restoreText(renderPerimeter(perimeterPlan(base), plainRouter).lines[family], [], new Map()));
		}

		await run(['ipset', 'destroy'], {namespace: scratch});
		t.pass();
	});
}

async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
	await run(['ip', '-batch', '-'], {namespace, input: lines.map(line => `${line}\n`).join('')});
}

async function elements(): Promise<string[]> {
	return (await saveSets(router)).filter(line => line.startsWith('add ')).sort();
}

async function rules(): Promise<string[]> {
	return [await save(router, 4), await save(router, 6)].flatMap(text => text.split('\n').filter(line => line.includes('-A ')).map(line => line.replace(/^\[.*?\] /, '')));
}

function rendered(installed: PerimeterState): string[] {
	return diffPerimeter(plainRouter, installed).create.filter(line => line.startsWith('add ')).sort();
}

async function installed(): Promise<InstalledLine[]> {
	return (await driver.list(new Map([[device, state]]))).get(device) ?? [];
}
