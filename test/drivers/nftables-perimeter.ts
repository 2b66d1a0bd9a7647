/** What is nftables' own about the perimeter driver, on a real kernel; what all perimeter drivers do is in perimeter-contract.ts. */
import test from 'ava';
import fc from 'fast-check';
import {DeviceError} from '../../lib/drivers/driver.ts';
import {createNftablesDriver} from '../../lib/drivers/nftables-perimeter.ts';
import {table} from '../../lib/drivers/nftables-render.ts';
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {changeTables, readTable} from '../../lib/kernel/nftables.ts';
import {arbitrarySentence, sets} from '../helpers/arbitrary-sentence.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {perimeterPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';
import {Installed, base} from '../helpers/router.ts';
import {readSample, sampleNames} from '../helpers/samples.ts';

const [router, foreign] = testNamespaces('fw', 'foreign') as [Namespace, Namespace];
const installed = new Installed(createNftablesDriver({namespaceOf: () => router}));
test.after.always(() => {
	deleteNamespaces([router, foreign]);
});

/** Elements in the kernel, of sets that have some, and those that were rendered. */
async function elements(): Promise<[inKernel: string[], rendered: string[]]> {
	const {sets: printed} = await readTable(router, table, {elements: true});
	const rendered = [...installed.state.sets.values()].flatMap(set => ([4, 6] as const).flatMap(family => [...set.elements[family]]));
	return [[...printed.values()].flat().sort(), rendered.sort()];
}

for (const [name, sketch] of Object.entries({
	'one element': {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}},
	'prefixes in place of others around them': {...base, sets: {'sg:db': '10.0.2.0/25 10.0.2.128/25 fd02::/64', 'sg:web': '10.0.0.0/16 fd01::/63'}},
	'a host and its boundness': {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}, bound: `${base.bound} 10.0.1.2`},
	'a list of many': {...base, sets: {...base.sets, [`peers:(${'web, '.repeat(40)}10.0.0.0/8)`]: '10.0.0.0/8'}},
	'two sets and a rule': {...base, sets: {'sg:db': '10.0.2.7', 'sg:web': '::/0 0.0.0.0/0'}, rules: ['9: deny any to any']},
} satisfies Record<string, Sketch>)) {
	test.serial(`the kernel holds what was rendered, after a change of ${name} and back`, async t => {
		await installed.install(base);
		for (const each of [sketch, base]) {
			await installed.install(each);
			const [inKernel, rendered] = await elements();
			t.deepEqual(inKernel, rendered);
			t.is((await readTable(router, table)).rules.length, installed.state.lines.length + 2);
		}
	});
}

test.serial('the kernel takes every clause, alone and beside others', async t => {
	const sentences = fc.sample(arbitrarySentence(), 150);
	for (const some of [sentences, sentences.slice(0, 50).reverse()]) {
		await installed.install({...base, sets: {...sets, ...base.sets}, rules: some});
		const {rules} = await readTable(router, table);
		t.is(rules.length, installed.state.lines.length + 2);
		t.deepEqual(rules.filter(({chain}) => chain !== 'FORWARD').map(({text}) => / comment "(.*)"$/.exec(text)?.[1]).sort(), installed.state.lines.map(({label}) => label).sort());
	}
});

test.serial('a refused rule changes nothing, and names device and rule', async t => {
	await installed.install(base);
	const before = await readTable(router, table, {elements: true});
	const next = installed.driver.render(perimeterPlan({...base, sets: {...base.sets, 'sg:web': '10.0.1.9'}, rules: ['3: deny any to sg:db']}), installed.state);
	const forged = {...next, lines: next.lines.map(line => line.rule === 3 ? {...line, text: `${line.text} no-such-thing`} : line)};
	const step = {device: 'fw', previous: installed.state, next: forged};
	t.like(await t.throwsAsync(installed.driver.check(step), {instanceOf: DeviceError}), {device: 'fw', sentence: 'deny any to sg:db'});
	t.like(await t.throwsAsync(installed.driver.apply(step), {instanceOf: DeviceError}), {device: 'fw', sentence: 'deny any to sg:db'});
	t.deepEqual(await readTable(router, table, {elements: true}), before);
});

test.serial('what a lab that was killed has left behind goes with the first change', async t => {
	const fresh = new Installed(createNftablesDriver({namespaceOf: () => foreign}));
	await changeTables(foreign, ['add table inet securenet', 'add chain inet securenet PFW.4', 'add rule inet securenet PFW.4 drop comment "old"']);
	await fresh.install(base);
	t.false((await fresh.lines()).some(({text}) => text.includes('old')));
	await fresh.change(fresh.driver.plain);
	t.deepEqual((await readTable(foreign, table)).rules, []);
});

test.serial('rules of iptables-nft and of other tables are found, and named', async t => {
	await changeTables(foreign, ['add table ip other', 'add chain ip other C { type filter hook forward priority 0; policy drop; }']);
	const fresh = new Installed(createNftablesDriver({namespaceOf: () => foreign}));
	const error = await t.throwsAsync(fresh.install(base), {instanceOf: DeviceError});
	t.regex(error.message, /Other tables hold rules there that packets obey as well: ip other C\./);
	await changeTables(foreign, ['delete table ip other']);
	await t.notThrowsAsync(fresh.install(base));
});

test.serial('lists rules that others have put into its chains, without a sentence', async t => {
	await installed.install(base);
	await changeTables(router, ['insert rule inet securenet PFW.4 ip saddr 192.0.2.9 drop']);
	const lines = await installed.lines();
	t.deepEqual(lines.filter(({sentence}) => sentence === undefined).map(({text}) => text), ['nft add rule inet securenet PFW.4 ip saddr 192.0.2.9 drop']);
	t.is(lines.filter(({rule, sentence}) => rule === 1 && sentence === 'allow sg:web to sg:db').length, 2);
	await installed.install({...base, rules: []});
});

for (const name of sampleNames) {
	test.serial(`the kernel takes sample ${name}`, async t => {
		await t.notThrowsAsync(changeTables(foreign, readSample(name, 'expected.nft').trim().split('\n')));
	});
}
