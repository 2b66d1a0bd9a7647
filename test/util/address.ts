/** Addresses, prefixes, ranges and MACs: what is read, what is refused, and that writing and reading are inverse. */
import test from 'ava';
import fc from 'fast-check';
import {
	type Address, type Family, type Prefix, addressBytes, compareAddresses, contains, formatAddress, formatInterfaceAddress, formatPrefix, fromBytes, lastOf, linkLocalAddress,
	macBytes, macFromNumber, networkOf, overlaps, parseAddress, parseInterfaceAddress, parsePrefix, prefixOf, rangePrefixes, sameAddress, tryParseAddress,
	tryParseInterfaceAddress, tryParseMac, tryParsePrefix, width,
} from '../../lib/util/address.ts';
import {InputError} from '../../lib/util/errors.ts';

const family = fc.constantFrom<Family>(4, 6);
const address: fc.Arbitrary<Address> = family.chain(each => fc.bigInt(0n, (1n << BigInt(width(each))) - 1n).map(value => ({family: each, value})));
const interfaceAddress = address.chain(each => fc.nat(width(each.family)).map(length => ({address: each, length})));
const prefix: fc.Arbitrary<Prefix> = interfaceAddress.map(networkOf);

const reads = test.macro({
	exec(t, text: string, expected: string) {
		t.is(formatAddress(parseAddress(text)), expected);
	},
	title: (_, text: string) => `reads address ${text}`,
});

test(reads, '10.0.0.1', '10.0.0.1');
test(reads, '255.255.255.255', '255.255.255.255');
test(reads, '::', '::');
test(reads, 'FD00:0:0::1', 'fd00::1');
test(reads, '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1');

const refuses = test.macro({
	exec(t, text: string) {
		t.is(tryParseAddress(text), undefined);
		t.throws(() => parseAddress(text), {instanceOf: InputError, code: 'address', message: /is not an address\. Write it like/});
	},
	title: (_, text: string) => `refuses address ${JSON.stringify(text)}`,
});

for (const text of ['', '10', '10.1', '10.0.0.256', '010.0.0.1', '0x0a.0.0.1', '10.0.0.1/8', ' 10.0.0.1', '10.0.0.1\n', 'fe80::1%eth0', ':::', '12345::', 'h1']) {
	test(refuses, text);
}

const readsPrefix = test.macro({
	exec(t, text: string, expected: string | undefined) {
		const parsed = tryParsePrefix(text);
		t.is(parsed && formatPrefix(parsed), expected);
	},
	title: (_, text: string, expected: string | undefined) => `prefix ${text} is ${expected ?? 'none'}`,
});

test(readsPrefix, '10.1.0.0/16', '10.1.0.0/16');
test(readsPrefix, '10.1.2.3', '10.1.2.3');
test(readsPrefix, '10.1.2.3/32', '10.1.2.3');
test(readsPrefix, '0.0.0.0/0', '0.0.0.0/0');
test(readsPrefix, 'fd00::/8', 'fd00::/8');
test(readsPrefix, '10.1.2.3/16', undefined);
test(readsPrefix, '10.1.0.0/33', undefined);
test(readsPrefix, '10.1.0.0/', undefined);
test(readsPrefix, '10.1.0.0/16/16', undefined);
test(readsPrefix, '10.1.0.0/+8', undefined);
test(readsPrefix, 'fd00::/129', undefined);

test('a prefix with host bits is answered with its network', t => {
	t.throws(() => parsePrefix('10.1.2.3/16'), {code: 'prefix', message: '"10.1.2.3/16" has host bits set; its network is 10.1.0.0/16.'});
	t.throws(() => parsePrefix('ten'), {code: 'prefix', message: /is not a prefix\. Write it like/});
	t.throws(() => parseInterfaceAddress('10.1.2.3/99'), {code: 'address', message: /Write it like 10\.0\.0\.1\/24/});
});

test('an interface address without a length stands alone', t => {
	t.is(formatInterfaceAddress(parseInterfaceAddress('10.0.0.1')), '10.0.0.1/32');
	t.is(formatInterfaceAddress(parseInterfaceAddress('fd00::1')), 'fd00::1/128');
});

/** A test of a law on random values. */
const law = test.macro({
	exec(t, property: fc.IRawProperty<unknown>) {
		fc.assert(property);
		t.pass();
	},
	title: (title = '') => `always: ${title}`,
});

test('an address reads back', law, fc.property(address, each => sameAddress(parseAddress(formatAddress(each)), each)));
test('an address is its bytes', law, fc.property(address, each => sameAddress(fromBytes(addressBytes(each)), each)));
test('an interface address reads back', law, fc.property(interfaceAddress, each => {
	const again = tryParseInterfaceAddress(formatInterfaceAddress(each));
	return again?.length === each.length && sameAddress(again.address, each.address);
}));
test('a prefix reads back', law, fc.property(prefix, each => {
	const again = tryParsePrefix(formatPrefix(each));
	return again?.length === each.length && sameAddress(again, each);
}));
test('a subnet holds its addresses, from the first to the last and no more', law, fc.property(interfaceAddress, each => {
	const subnet = networkOf(each);
	const last = {family: subnet.family, value: lastOf(subnet)};
	return contains(subnet, each.address) && contains(subnet, last)
		&& !contains(subnet, {...last, value: last.value + 1n}) && !contains(subnet, {...last, value: subnet.value - 1n});
}));
test('prefixes overlap exactly when one holds the other\'s first address', law, fc.property(prefix, prefix, (a, b) => overlaps(a, b) === (contains(a, b) || contains(b, a))));
test('a prefix overlaps with its last address', law, fc.property(prefix, each => {
	const last = prefixOf({family: each.family, value: lastOf(each)});
	return overlaps(each, last) && overlaps(last, each);
}));
test('comparing orders by family, then value', law, fc.property(address, address, (a, b) =>
	Math.sign(compareAddresses(a, b)) === -Math.sign(compareAddresses(b, a)) && (compareAddresses(a, b) === 0) === sameAddress(a, b) && (a.family === b.family || compareAddresses(a, b) === a.family - b.family)));
test('an address alone is a prefix of one', law, fc.property(address, each => lastOf(prefixOf(each)) === each.value));

const byte = fc.bigInt(0n, 255n);
test('a range becomes adjoining prefixes from first to last', law, fc.property(address, address, (a, b) => {
	const [first, last] = a.value < b.value ? [a.value, b.value] : [b.value, a.value];
	const prefixes = rangePrefixes(6, first, last);
	return prefixes[0]?.value === first && prefixes.every((each, n) => lastOf(each) + 1n === (prefixes[n + 1]?.value ?? last + 1n) && sameAddress(networkOf({address: each, length: each.length}), each));
}));
test('a range becomes the fewest prefixes', law, fc.property(byte, byte, (a, b) => {
	const [first, last] = a < b ? [a, b] : [b, a];
	return rangePrefixes(4, first, last).length === fewest(Number(first), Number(last), 256);
}));

/** The fewest blocks of a binary tree of the given size that make up a range: a whole block, or what both halves need. */
function fewest(first: number, last: number, size: number): number {
	if (first > last) {
		return 0;
	}

	const half = size / 2;
	return first === 0 && last === size - 1 ? 1 : fewest(first, Math.min(last, half - 1), half) + fewest(Math.max(first - half, 0), last - half, half);
}

test('the whole of a family is one prefix', t => {
	t.deepEqual(rangePrefixes(4, 0n, 0xFFFF_FFFFn), [{family: 4, value: 0n, length: 0}]);
	t.deepEqual(rangePrefixes(6, 0n, (1n << 128n) - 1n), [{family: 6, value: 0n, length: 0}]);
	t.deepEqual(rangePrefixes(4, 2n, 1n), []);
});

test('MACs', t => {
	t.is(tryParseMac('02:00:0A:00:00:01'), '02:00:0a:00:00:01');
	for (const text of ['', '02:00:0a:00:00', '02:00:0a:00:00:01:02', '2:0:a:0:0:1', '02-00-0a-00-00-01', '02:00:0a:00:00:0g', '02:00:0a:00:00:01\n']) {
		t.is(tryParseMac(text), undefined, text);
	}

	t.is(macFromNumber(1), '02:00:00:00:00:01');
	t.is(macFromNumber(0x0A_00_00_01), '02:00:0a:00:00:01');
	t.is(macFromNumber(2 ** 32 + 1), '02:01:00:00:00:01');
	t.is(macFromNumber(2 ** 40 - 1), '02:ff:ff:ff:ff:ff');
	t.deepEqual([...macBytes('02:00:0a:ff:00:01')], [2, 0, 10, 255, 0, 1]);
	t.is(formatAddress(linkLocalAddress('02:00:0a:00:00:01')), 'fe80::aff:fe00:1');
	t.is(formatAddress(linkLocalAddress('00:1a:2b:3c:4d:5e')), 'fe80::21a:2bff:fe3c:4d5e');
});
