/** Single elements of sets, changed by netlink and read back by ipset(8). */
import anyTest, {type TestFn} from 'ava';
import {type ElementChange, ElementsError, changeElements, restoreSets, saveSets} from '../../lib/kernel/ipset.ts';
import {RulesError} from '../../lib/kernel/iptables.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {parsePrefix} from '../../lib/util/address.ts';
import {testNamespaces} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Namespace>;

test.beforeEach(async t => {
	[t.context] = testNamespaces('sets') as [Namespace];
	await restoreSets(t.context, [
		'create nets4 hash:net family inet maxelem 3', 'create nets6 hash:net family inet6',
		'create hosts4 hash:ip family inet', 'create hosts6 hash:ip family inet6',
		'create ports hash:ip,port',
	]);
});
test.afterEach.always(t => {
	deleteNamespaces([t.context]);
});

/** Reads `add nets4 10.0.0.0/8`, as ipset(8) writes it. */
function changeOf(line: string): ElementChange {
	const [command, set = '', prefix = ''] = line.split(' ');
	return {command: command === 'add' ? 'add' : 'del', set, prefix: prefix === '0.0.0.0/0' ? {family: 4, value: 0n, length: 0} : parsePrefix(prefix)};
}

function change(namespace: Namespace, ...lines: readonly string[]): void {
	changeElements(namespace, lines.map(changeOf));
}

async function elements(namespace: Namespace): Promise<string[]> {
	return (await saveSets(namespace)).filter(line => line.startsWith('add ')).sort();
}

const all = ['add hosts4 10.0.0.1', 'add hosts6 fd00::1', 'add nets4 10.0.0.0/8', 'add nets4 128.0.0.0/1', 'add nets4 192.0.2.1', 'add nets6 8000::/1', 'add nets6 fd00::/64', 'add nets6 fd00::1'];

test('elements of both kinds and families are added and deleted', async t => {
	change(t.context, ...all);
	t.deepEqual(await elements(t.context), all);
	change(t.context, 'del nets4 10.0.0.0/8', 'add nets4 10.0.0.0/9', 'del nets6 fd00::1', 'del hosts6 fd00::1');
	t.deepEqual(await elements(t.context), ['add hosts4 10.0.0.1', 'add nets4 10.0.0.0/9', 'add nets4 128.0.0.0/1', 'add nets4 192.0.2.1', 'add nets6 8000::/1', 'add nets6 fd00::/64']);
	change(t.context);
});

test('ipset(8) makes the same of the same lines', async t => {
	const [other] = testNamespaces('other') as [Namespace];
	t.teardown(() => {
		deleteNamespaces([other]);
	});
	await restoreSets(other, (await saveSets(t.context)).concat(all));
	change(t.context, ...all);
	t.deepEqual(await elements(t.context), await elements(other));
});

test('what is there already may be added, what is not may be deleted', async t => {
	change(t.context, 'add nets4 10.0.0.0/8', 'add nets4 10.0.0.0/8', 'del nets4 11.0.0.0/8', 'del nets6 fd00::/64', 'add hosts6 fd00::1', 'add hosts6 fd00::1');
	t.deepEqual(await elements(t.context), ['add hosts6 fd00::1', 'add nets4 10.0.0.0/8']);
});

const refusals: ReadonlyArray<readonly [line: string, errno: string, words: string]> = [
	['add none 10.0.0.1', 'ENOENT', 'there is no set of this name; create it first'],
	['del none 10.0.0.1', 'ENOENT', 'there is no set of this name; create it first'],
	['add nets4 fd00::1', 'IPSET_ERR_PROTOCOL', 'the set does not hold elements of this family or kind'],
	['add nets6 10.0.0.1', 'IPSET_ERR_PROTOCOL', 'the set does not hold elements of this family or kind'],
	['add ports 10.0.0.1', 'IPSET_ERR_PROTOCOL', 'the set does not hold elements of this family or kind'],
	['add nets4 0.0.0.0/0', 'IPSET_ERR_INVALID_CIDR', 'the set takes no prefix of this length; write it as several longer ones'],
	['add hosts6 fd00::/64', 'IPSET_ERR_INVALID_CIDR', 'the set takes no prefix of this length; write it as several longer ones'],
	['add hosts4 0.0.0.0', 'IPSET_ERR_HASH_ELEM', 'the set does not take this address'],
	[`add ${'long'.repeat(8)} 10.0.0.1`, 'EINVAL', 'Attribute failed policy validation'],
];

for (const [line, errno, words] of refusals) {
	test(`refused, while others of the batch take effect: ${line}`, async t => {
		const error = t.throws(() => {
			change(t.context, 'add nets6 fd00::1', line, 'add nets6 fd00::2');
		}, {instanceOf: ElementsError, message: `${t.context.name}: ipset refuses "${line}": ${words} (${errno})`});
		t.true(error instanceof RulesError);
		t.is(error.refused, line);
		t.deepEqual(error.failures, [{...changeOf(line), errno, reason: words}]);
		t.deepEqual(await elements(t.context), ['add nets6 fd00::1', 'add nets6 fd00::2']);
	});
}

test('a full set and others that refuse are told together', t => {
	const error = t.throws(() => {
		change(t.context, 'add nets4 10.0.0.1', 'add nets4 10.0.0.2', 'add nets4 10.0.0.3', 'add nets4 10.0.0.4', 'del none fd00::1', 'del none fd00::2');
	}, {instanceOf: ElementsError});
	t.is(error.message, `${t.context.name}: ipset refuses "add nets4 10.0.0.4": the set is full; make it again with a greater maxelem (IPSET_ERR_HASH_FULL); and 2 more`);
	t.deepEqual(error.failures.map(({set, errno}) => [set, errno]), [['nets4', 'IPSET_ERR_HASH_FULL'], ['none', 'ENOENT'], ['none', 'ENOENT']]);
});
