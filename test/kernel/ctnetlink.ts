/** What the kernel tells of its connections, beside what conntrack(8) says of the same table. */
import {rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import anyTest, {type TestFn} from 'ava';
import {type TrackedConnection, deleteConnections, describe, listConnections} from '../../lib/kernel/conntrack.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {protocolFields, protocolName} from '../../lib/kernel/protocol.ts';
import {formatAddress, parseAddress} from '../../lib/util/address.ts';
import {testDirectory, testNamespaces} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Namespace>;

test.beforeEach(t => {
	[t.context] = testNamespaces('tracker') as [Namespace];
});
test.afterEach.always(t => {
	deleteNamespaces([t.context]);
});

const v4 = '-s 10.1.0.1 -d 10.2.0.1';
const v6 = '-s fd00::1:0:0:1 -d fd01::2';
const zone = 65_535;
const table = [
	`-p tcp ${v4} --sport 1000 --dport 80 --state ESTABLISHED -m 3`,
	`-p tcp ${v6} --sport 65535 --dport 80 --state ESTABLISHED -w 7`,
	`-p udp ${v4} --sport 0 --dport 53 -m 0xffffffff -w ${zone}`,
	`-p udp -s ::ffff:10.1.0.1 -d fd00::2 --sport 5353 --dport 53`,
	`-p udplite ${v4} --sport 10 --dport 11`,
	`-p icmp ${v4} --icmp-type 8 --icmp-code 0 --icmp-id 4711 -m 1`,
	`-p icmpv6 ${v6} --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 65535 -m 2 -w 5`,
	`-p sctp ${v4} --orig-port-src 10 --orig-port-dst 11 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2`,
	`-p sctp ${v6} --orig-port-src 10 --orig-port-dst 11 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2`,
	`-p gre ${v4} --srckey 0 --dstkey 0 -w 1`,
	`-p 2 ${v4}`,
	`-p 89 ${v6} -m 256`,
];

async function load(namespace: Namespace, entries: readonly string[]): Promise<void> {
	const directory = testDirectory();
	const file = join(directory, 'connections');
	writeFileSync(file, entries.map(entry => `-I ${entry} -t 600\n`).join(''));
	try {
		await run(['conntrack', '--load-file', file], {namespace, timeout: 60_000});
	} finally {
		rmSync(directory, {recursive: true});
	}
}

/** Only protocols with states have a word in capitals, before the addresses. */
function stateOf(line: string): Pick<TrackedConnection, 'state'> {
	const state = / ([A-Z_\d]*[A-Z][A-Z_\d]*) +src=/.exec(line)?.[1];
	return state === undefined ? {} : {state};
}

/** As conntrack(8) tells it: the first of each key is the original direction's. */
async function witness(namespace: Namespace, ...options: readonly string[]): Promise<TrackedConnection[]> {
	const {stdout} = await run(['conntrack', '--dump', '--output', 'extended', ...options], {namespace});
	return stdout.split('\n').filter(line => line.startsWith('ipv')).map(line => {
		const [family, , , number] = line.split(/ +/);
		const fields = new Map([...line.matchAll(/\b(\w+)=(\S+)/g)].reverse().map(([, key = '', value = '']) => [key, value]));
		const field = (key: string) => Number(fields.get(key) ?? 0);
		const protocol = protocolName(Number(number));
		return {
			family: family === 'ipv6' ? 6 : 4, protocol, source: sameText(fields.get('src')), destination: sameText(fields.get('dst')),
			...protocolFields(protocol, field), ...stateOf(line), mark: field('mark'), ...(fields.has('zone') ? {zone: field('zone')} : {}),
		};
	});
}

/** conntrack(8) ends IPv6 addresses that hold an IPv4 address in its dotted form. */
function sameText(address = ''): string {
	return formatAddress(parseAddress(address));
}

function inOrder(connections: readonly TrackedConnection[]): TrackedConnection[] {
	return connections.toSorted((a, b) => describe(a) < describe(b) ? -1 : 1);
}

test('connections of every protocol, with marks and zones, are those that conntrack(8) shows', async t => {
	await load(t.context, table);
	const listed = await listConnections(t.context);
	t.is(listed.length, table.length);
	t.deepEqual(inOrder(listed), inOrder(await witness(t.context)));
	t.true(listed.some(each => each.mark === 0xFF_FF_FF_FF && each.zone === zone && each.sport === 0));
});

test('each of them is deleted alone', async t => {
	await load(t.context, table);
	const listed = await listConnections(t.context);
	for (const [index, each] of listed.entries()) {
		deleteConnections(t.context, [each]);
		t.deepEqual(inOrder(await listConnections(t.context)), inOrder(listed.slice(index + 1)), describe(each));
	}
});

const marks = [{value: 1, mask: 1}, {value: 0, mask: 1}, {value: 2, mask: 0xFF_FF_FF_FF}, {value: 0x80_00_00_00, mask: 0x80_00_00_00}, {value: 256, mask: 256}];

for (const mark of marks) {
	test(`the kernel lists those with a mark of ${mark.value}/${mark.mask}`, async t => {
		await load(t.context, table);
		const listed = await listConnections(t.context, {mark});
		t.true(listed.length > 0 && listed.length < table.length);
		t.deepEqual(inOrder(listed), inOrder(await witness(t.context, '--mark', `${mark.value}/${mark.mask}`)));
	});
}

test('a namespace without connections has none, though others have some', async t => {
	const [other] = testNamespaces('other') as [Namespace];
	t.teardown(() => {
		deleteNamespaces([other]);
	});
	await load(other, table);
	t.deepEqual(await listConnections(t.context), []);
	t.is((await listConnections(other)).length, table.length);
});

test('a namespace that is gone is no namespace without connections', async t => {
	const [gone] = testNamespaces('gone') as [Namespace];
	deleteNamespaces([gone]);
	await t.throwsAsync(listConnections(gone), {code: 'namespace-gone'});
});

test('a table of 10,000 is read whole', async t => {
	const count = 10_000;
	await load(t.context, Array.from({length: count}, (_, index) => `-p udp ${v4} --sport ${index} --dport 53 -m ${index}`));
	const listed = await listConnections(t.context);
	t.is(listed.length, count);
	t.is(new Set(listed.map(({sport}) => sport)).size, count);
	t.true(listed.every(({sport, mark}) => sport === mark));
});
