/** Tables in a namespace of their own. */
import anyTest, {type TestFn} from 'ava';
import {RulesError} from '../../lib/kernel/iptables.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {changeTables, foreignChains, readTable} from '../../lib/kernel/nftables.ts';
import {run} from '../../lib/kernel/process.ts';
import {testNamespaces} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Namespace>;
const table = {family: 'inet', name: 'lab'} as const;

test.beforeEach(t => {
	[t.context] = testNamespaces('nft') as [Namespace];
});
test.afterEach.always(t => {
	deleteNamespaces([t.context]);
});

const lines = [
	'add table inet lab',
	'add counter inet lab hits { packets 3 bytes 252 }',
	'add set inet lab a { type ipv4_addr; flags interval; }',
	'add element inet lab a { 10.0.0.0/24, 10.0.1.1, 10.0.2.0-10.0.2.3 }',
	'add chain inet lab JUDGE',
	'add rule inet lab JUDGE ip saddr @a counter name "hits" drop comment "one"',
];

test.serial('rules, counters and elements are read back', async t => {
	await changeTables(t.context, lines);
	const {rules, counters, sets} = await readTable(t.context, table, {elements: true});
	t.deepEqual(rules, [{chain: 'JUDGE', text: 'ip saddr @a counter name "hits" drop comment "one"'}]);
	t.deepEqual([...counters], [['hits', 3]]);
	t.deepEqual([...sets], [['a', ['10.0.0.0/24', '10.0.1.1', '10.0.2.0/30']]]);
	t.deepEqual([...(await readTable(t.context, table)).sets], [['a', []]]);
});

test.serial('no table, no rules', async t => {
	t.deepEqual((await readTable(t.context, table)).rules, []);
});

test.serial('a test changes nothing', async t => {
	await changeTables(t.context, lines, {test: true});
	t.deepEqual((await readTable(t.context, table)).rules, []);
});

for (const {line, message} of [
	{line: 'add rule inet lab JUDGE frob', message: /nft refuses "add rule inet lab JUDGE frob": syntax error/},
	{line: 'add rule inet lab JUDGE ip saddr @none drop', message: /: nft refuses "add rule inet lab JUDGE ip saddr @none drop": No such file or directory$/},
	{line: 'delete element inet lab a { 10.9.0.0/16 }', message: /nft refuses "delete element .*": element does not exist/},
	{line: 'add element inet lab a { 10.0.0.0/23 }', message: /nft refuses "add element .*": /},
	{line: 'delete chain inet lab NONE', message: /nft refuses "delete chain inet lab NONE": /},
]) {
	test.serial(`a refused line changes nothing: ${line}`, async t => {
		await changeTables(t.context, lines);
		const before = await readTable(t.context, table, {elements: true});
		const error = await t.throwsAsync(changeTables(t.context, ['add rule inet lab JUDGE accept', line, 'add chain inet lab LATE']), {instanceOf: RulesError, message});
		t.is(error.place, t.context.name);
		t.deepEqual(await readTable(t.context, table, {elements: true}), before);
	});
}

test.serial('chains of others that judge what is forwarded are found', async t => {
	const hooked = (family: string, hook: string, policy: string) => [`add table ${family} other`, `add chain ${family} other C { type filter hook ${hook} priority 0; policy ${policy}; }`];
	await changeTables(t.context, [...hooked('inet', 'forward', 'accept'), ...hooked('ip6', 'input', 'drop')]);
	t.deepEqual(await foreignChains(t.context, table), [], 'one without rules, one of another hook');
	await changeTables(t.context, ['add rule inet other C ip saddr 10.0.0.1 drop', ...hooked('ip', 'forward', 'drop')]);
	t.deepEqual((await foreignChains(t.context, table)).sort(), ['inet other C', 'ip other C']);
	t.deepEqual(await foreignChains(t.context, {family: 'inet', name: 'other'}), ['ip other C']);
	await run(['iptables-nft', '-A', 'FORWARD', '-j', 'DROP'], {namespace: t.context});
	t.true((await foreignChains(t.context, table)).includes('ip filter FORWARD'));
});
