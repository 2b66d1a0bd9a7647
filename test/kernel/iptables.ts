/** Rules and sets in a namespace of their own. */
import anyTest, {type TestFn} from 'ava';
import {RulesError, backEnd, foreignRules, restore, save} from '../../lib/kernel/iptables.ts';
import {restoreSets, saveSets} from '../../lib/kernel/ipset.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {testNamespaces} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Namespace>;

test.beforeEach(t => {
	[t.context] = testNamespaces('fw') as [Namespace];
});
test.afterEach.always(t => {
	deleteNamespaces([t.context]);
});

function table(...lines: readonly string[]): string {
	return ['*filter', ...lines, 'COMMIT', ''].join('\n');
}

const chain = table(':PFW - [0:0]', '-A PFW -s 10.0.0.1/32 -m comment --comment "secrule:1" -j ACCEPT');

test.serial('rules and their counters are read back', async t => {
	await restore(t.context, 4, chain);
	t.regex(await save(t.context, 4), /\n\[0:0\] -A PFW -s 10\.0\.0\.1\/32 -m comment --comment "secrule:1" -j ACCEPT\n/);
});

test.serial('a chain is replaced, others stay', async t => {
	await restore(t.context, 4, table(':OTHER - [0:0]', '-A OTHER -j DROP'));
	await restore(t.context, 4, chain);
	await restore(t.context, 4, table(':PFW - [0:0]', '-A PFW -j DROP'));
	const rules = (await save(t.context, 4)).split('\n').filter(line => line.includes('-A '));
	t.deepEqual(rules, ['[0:0] -A OTHER -j DROP', '[0:0] -A PFW -j DROP']);
});

test.serial('families are apart', async t => {
	await restore(t.context, 6, table(':PFW - [0:0]', '-A PFW -s fd00::/64 -j ACCEPT'));
	t.regex(await save(t.context, 6), /fd00::\/64/);
	t.notRegex(await save(t.context, 4), /PFW/);
});

test.serial('a test changes nothing', async t => {
	await restore(t.context, 4, chain, {test: true});
	t.notRegex(await save(t.context, 4), /PFW/);
});

const refusals: ReadonlyArray<{line: string; message: RegExp}> = [
	{line: '-A PFW --frob', message: /iptables-restore refuses "-A PFW --frob": unknown option "--frob"$/},
	{line: '-A PFW -s 10.0.0.999 -j DROP', message: /host\/network `10\.0\.0\.999' not found/},
	{line: '-A PFW -m set --match-set none src -j DROP', message: /refuses "-A PFW -m set --match-set none src -j DROP": Set none doesn't exist/},
	{line: '-A NONE -j DROP', message: /refuses "-A NONE -j DROP": /},
];

for (const {line, message} of refusals) {
	test.serial(`a bad line changes nothing: ${line}`, async t => {
		await restore(t.context, 4, chain);
		const was = withoutComments(await save(t.context, 4));
		const error = await t.throwsAsync(restore(t.context, 4, table(':PFW - [0:0]', '-A PFW -j DROP', line)), {instanceOf: RulesError, message});
		t.is(error.place, t.context.name);
		t.is(withoutComments(await save(t.context, 4)), was);
	});
}

/** Dates stand in comments. */
function withoutComments(text: string): string {
	return text.split('\n').filter(line => !line.startsWith('#')).join('\n');
}

test.serial('rules of the other back end are found', async t => {
	t.deepEqual(await foreignRules(t.context, 4), []);
	const other = await backEnd() === 'legacy' ? 'iptables-nft' : 'iptables-legacy';
	await run([other, '-A', 'FORWARD', '-j', 'DROP'], {namespace: t.context});
	t.deepEqual(await foreignRules(t.context, 4), ['-A FORWARD -j DROP']);
	t.deepEqual(await foreignRules(t.context, 6), []);
});

test.serial('sets are written and read back', async t => {
	await restoreSets(t.context, ['create a hash:net family inet', 'create b hash:net family inet6', 'add a 10.0.0.0/8', 'add b fd00::/64']);
	const lines = await saveSets(t.context);
	t.deepEqual(lines.filter(line => line.startsWith('add')), ['add a 10.0.0.0/8', 'add b fd00::/64']);
});

test.serial('a refused set line is named', async t => {
	await t.throwsAsync(restoreSets(t.context, ['create a hash:net family inet', 'add c 10.0.0.0/8']), {
		instanceOf: RulesError,
		message: `${t.context.name}: ipset refuses "add c 10.0.0.0/8": The set with the given name does not exist`,
	});
});
