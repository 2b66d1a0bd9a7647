/** What is iptables' own about the perimeter driver, on a real kernel; what all perimeter drivers do is in perimeter-contract.ts. */
import {existsSync, readFileSync} from 'node:fs';
import {setImmediate as nextTurn} from 'node:timers/promises';
import test from 'ava';
import type {InstalledLine} from '../../lib/drivers/driver.ts';
import {DeviceError} from '../../lib/drivers/driver.ts';
import {createPerimeterDriver} from '../../lib/drivers/iptables-perimeter.ts';
import {diffPerimeter, plainRouter, restoreText} from '../../lib/drivers/iptables-render.ts';
import type {PerimeterState} from '../../lib/drivers/iptables-render.ts';
import {restoreSets, saveSets} from '../../lib/kernel/ipset.ts';
import {backEnd, restore, save} from '../../lib/kernel/iptables.ts';
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {longPatience} from '../helpers/patience.ts';
import {perimeterPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';
import {base, buildRouter, pings} from '../helpers/router.ts';
import {readSample, sampleNames} from '../helpers/samples.ts';

const {client, router, down} = await buildRouter();
const [scratch] = testNamespaces('scratch') as [Namespace];
const driver = createPerimeterDriver({namespaceOf: () => router});
const device = 'fw';
let state: PerimeterState = plainRouter;

test.after.always(() => {
	down();
	deleteNamespaces([scratch]);
});

async function install(plan: DevicePlan): Promise<void> {
	const next = driver.render(plan, state);
	const step = {device, previous: state, next};
	await driver.check(step);
	await driver.apply(step);
	state = next;
}

async function uninstall(): Promise<void> {
	const step = {device, previous: state, next: plainRouter};
	await driver.check(step);
	await driver.apply(step);
	state = plainRouter;
}

for (const [name, sketch] of Object.entries({
	'one element': {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}},
	'several elements': {...base, sets: {...base.sets, 'sg:web': '10.0.1.7 10.0.1.8 fd01::1 fd01::2'}},
	'a host and its boundness': {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}, bound: `${base.bound} 10.0.1.2`},
	'a list of many': {...base, sets: {...base.sets, 'peers:(web, 10.0.0.0/8)': '10.0.0.0/8'}},
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

test.serial('a flood of packets that are allowed loses none when the chains come and go', async t => {
	const open = perimeterPlan({...base, rules: ['1: allow any to any']});
	const flood = run(['ping', '-f', '-q', '-w', '3', '10.0.2.1'], {namespace: client, timeout: longPatience});
	const over = new AbortController();
	void flood.finally(() => {
		over.abort();
	});
	while (!over.signal.aborted) {
		await install(open);
		await uninstall();
	}

	const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec((await flood).stdout) ?? [];
	t.true(Number(sent) > 1000);
	// The last one may be on its way when the time is up.
	t.true(Number(sent) - Number(received) <= 1, `${Number(sent) - Number(received)} of ${sent}`);
});

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

test.serial('what was checked last is held back, applied or forgotten, and no program is left', async t => {
	await install(perimeterPlan(base));
	const before = await rules();
	const [one, other] = ['8: deny any to 10.0.2.8', '9: deny any to 10.0.2.9'].map(rule => driver.render(perimeterPlan({...base, rules: [...base.rules, rule]}), state)) as [PerimeterState, PerimeterState];
	await driver.check({device, previous: state, next: one});
	t.is(programs().length, await backEnd() === 'legacy' ? 0 : 1);
	t.deepEqual(await rules(), before);
	await driver.discard({device, previous: state, next: one});
	t.deepEqual([programs(), await rules()], [[], before]);
	await driver.check({device, previous: state, next: one});
	await driver.apply({device, previous: state, next: other});
	t.deepEqual([programs(), (await rules()).filter(line => /secrule:[89]/.test(line)).map(line => /secrule:\d/.exec(line)?.[0])], [[], ['secrule:9']]);
	await driver.apply({device, previous: other, next: state});
	t.deepEqual(await rules(), before);
});

test.serial('a change is made all the same when the program that held it back has ended', async t => {
	await install(perimeterPlan(base));
	const previous = state;
	const next = driver.render(perimeterPlan({...base, rules: [...base.rules, '8: deny any to 10.0.2.8']}), state);
	await driver.check({device, previous, next});
	for (const pid of programs()) {
		process.kill(pid);
		while (existsSync(`/proc/${pid}`)) {
			await nextTurn();
		}
	}

	await driver.apply({device, previous, next});
	t.true((await rules()).some(line => line.includes('secrule:8')));
	await driver.apply({device, previous: next, next: previous});
});

test.serial('a change of an ipset that fails forgets what was held back', async t => {
	await install(perimeterPlan(base));
	const before = await rules();
	const sets = new Map([...state.sets].map(([name, set]) => [name, name === 'sg:web' ? {...set, elements: {...set.elements, 4: new Set(['10.0.1.300'])}} : set]));
	const next = {...driver.render(perimeterPlan({...base, rules: [...base.rules, '8: deny any to 10.0.2.8']}), state), sets};
	await driver.check({device, previous: state, next});
	await t.throwsAsync(driver.apply({device, previous: state, next}), {instanceOf: DeviceError});
	t.deepEqual([programs(), await rules()], [[], before]);
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
	await restore(router, 4, restoreText(state.lines[4], state.lines[4]));
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

test.serial('chains that cannot be taken away go on dropping what they do not know; where there are none, nothing is opened', async t => {
	const plain = {device, previous: plainRouter, next: plainRouter, perhaps: [plainRouter]};
	await restore(router, 4, '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n');
	await driver.check(plain);
	await driver.apply(plain);
	t.regex(await save(router, 4), /:FORWARD DROP/);
	await install(perimeterPlan(base));
	await restore(router, 4, '*filter\n-D FORWARD -j DROP\nCOMMIT\n');
	await t.throwsAsync(driver.apply({device, previous: state, next: plainRouter}), {instanceOf: DeviceError});
	t.regex(await save(router, 4), /:FORWARD DROP/);
	await restore(router, 4, '*filter\n-A FORWARD -j DROP\nCOMMIT\n');
	await uninstall();
	t.regex(await save(router, 4), /:FORWARD ACCEPT/);
});

for (const name of sampleNames) {
	test.serial(`the kernel takes sample ${name}`, async t => {
		await restoreSets(scratch, readSample(name, 'expected.ipset').trim().split('\n'));
		for (const [family, program] of [[4, 'iptables'], [6, 'ip6tables']] as const) {
			await restore(scratch, family, readSample(name, `expected.${program}`));
			await run([program, '-F'], {namespace: scratch});
			await run([program, '-X'], {namespace: scratch});
		}

		await run(['ipset', 'destroy'], {namespace: scratch});
		t.pass();
	});
}

/** Running children of this process that change rules. */
function programs(): number[] {
	const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
	return children.map(Number).filter(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('-restore'));
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
