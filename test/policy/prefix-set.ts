import test from 'ava';
import fc from 'fast-check';
import {type AddressRange, complement, difference, everything, holdsAll, includes, intersects, rangeOf, union} from '../../lib/policy/prefix-set.ts';
import {type Family, type Prefix, contains, formatPrefix, networkOf, overlaps, parsePrefix} from '../../lib/util/address.ts';
import {spent} from '../helpers/clock.ts';

function ranges(text: string): AddressRange[] {
	return text.split(' ').filter(Boolean).map(prefix => rangeOf(parsePrefix(prefix)));
}

const differs = test.macro({
	title: (_, included: string, excluded: string) => `(${included}) − (${excluded})`,
	exec(t, included: string, excluded: string, expected: string) {
		t.is(difference(ranges(included), ranges(excluded)).map(formatPrefix).join(' '), expected);
	},
});

test(differs, '', '', '');
test(differs, '10.0.0.0/24', '', '10.0.0.0/24');
test(differs, '10.0.1.0/24 10.0.0.0/24', '', '10.0.0.0/23');
test(differs, '10.0.2.0/24 10.0.1.0/24', '', '10.0.1.0/24 10.0.2.0/24');
test(differs, '10.0.0.0/8 10.1.0.0/16 10.0.0.0/8', '', '10.0.0.0/8');
test(differs, '10.0.0.0/30', '10.0.0.2', '10.0.0.0/31 10.0.0.3');
test(differs, '10.0.0.0/24', '10.0.0.0/8', '');
test(differs, '10.0.0.0/24 10.0.2.0/24', '10.0.0.128/25 10.0.1.0/24 10.0.2.0/25', '10.0.0.0/25 10.0.2.128/25');
test(differs, '0.0.0.0/0', '0.0.0.0', '0.0.0.1 0.0.0.2/31 0.0.0.4/30 0.0.0.8/29 0.0.0.16/28 0.0.0.32/27 0.0.0.64/26 0.0.0.128/25 0.0.1.0/24 0.0.2.0/23 0.0.4.0/22 0.0.8.0/21 0.0.16.0/20 0.0.32.0/19 0.0.64.0/18 0.0.128.0/17 0.1.0.0/16 0.2.0.0/15 0.4.0.0/14 0.8.0.0/13 0.16.0.0/12 0.32.0.0/11 0.64.0.0/10 0.128.0.0/9 1.0.0.0/8 2.0.0.0/7 4.0.0.0/6 8.0.0.0/5 16.0.0.0/4 32.0.0.0/3 64.0.0.0/2 128.0.0.0/1');
test(differs, '0.0.0.0/0 ::/0', '0.0.0.0/1 ::/1', '128.0.0.0/1 8000::/1');
test(differs, '0.0.0.0/0', '::/0', '0.0.0.0/0');
test(differs, 'ffff::/16', 'ffff::/17', 'ffff:8000::/17');

const unites = test.macro({
	title: (_, prefixes: string) => `union of ${prefixes}`,
	exec(t, prefixes: string, expected: string) {
		t.is(union(prefixes.split(' ').filter(Boolean).map(parsePrefix)).map(formatPrefix).join(' '), expected);
	},
});

test(unites, '', '');
test(unites, '10.0.0.3 10.0.0.2 10.0.0.3', '10.0.0.2 10.0.0.3');
test(unites, '10.0.0.0/31 10.0.0.2 10.0.0.3', '10.0.0.0/31 10.0.0.2 10.0.0.3');
test(unites, '10.0.1.0/24 10.0.0.0/24 10.0.1.7 10.0.2.0', '10.0.0.0/23 10.0.2.0');
test(unites, 'fd00::1 10.0.0.1 ::/0', '10.0.0.1 ::/0');

test('the complement is of both families, and its complement what it was', t => {
	const prefixes = ['10.0.0.0/8', '192.0.2.1', 'fd00::/16'].map(parsePrefix);
	t.deepEqual(complement(everything), []);
	t.deepEqual(complement([]), everything);
	t.deepEqual(complement(complement(prefixes)), prefixes);
	t.deepEqual(complement([parsePrefix('::/0')]).map(formatPrefix), ['0.0.0.0/0']);
});

test('a family is held when not one address is missing', t => {
	const [whole, almost] = ['128.0.0.0/1 0.0.0.0/1', '128.0.0.0/1 0.0.0.0/2 64.0.0.0/3'].map(text => text.split(' ').map(parsePrefix));
	t.true(holdsAll(whole ?? [], 4));
	t.false(holdsAll(whole ?? [], 6));
	t.false(holdsAll(almost ?? [], 4));
	t.true(holdsAll([...complement([parsePrefix('fd00::1')]), parsePrefix('fd00::1')], 6));
});

/** Ranges in a universe of 32 addresses at either end of a family, so that everything can be counted. */
const universes: ReadonlyArray<{family: Family; base: bigint}> = [{family: 4, base: 0n}, {family: 4, base: 2n ** 32n - 32n}, {family: 6, base: 2n ** 128n - 32n}];
const arbitraryRange = (family: Family, base: bigint): fc.Arbitrary<AddressRange> => fc.tuple(fc.nat(31), fc.nat(31)).map(([a, b]) => ({
	first: {family, value: base + BigInt(Math.min(a, b))},
	last: {family, value: base + BigInt(Math.max(a, b))},
}));

for (const {family, base} of universes) {
	test(`the algebra agrees with counting: IPv${family} from ${base}`, t => {
		const lists = fc.array(arbitraryRange(family, base), {maxLength: 6});
		const probe = networkOf({address: {family, value: base + 8n}, length: (family === 4 ? 32 : 128) - 2});
		fc.assert(fc.property(lists, lists, (included, excluded) => {
			const prefixes = difference(included, excluded);
			for (let offset = 0n; offset < 32n; offset++) {
				const address = {family, value: base + offset};
				const within = ({first, last}: AddressRange): boolean => first.value <= address.value && address.value <= last.value;
				const expected = included.some(within) && !excluded.some(within);
				t.is(prefixes.filter(prefix => contains(prefix, address)).length, expected ? 1 : 0);
				t.is(includes(prefixes, address), expected);
			}

			const [inUnion, inComplement] = [union(prefixes.toReversed()), complement(prefixes)];
			for (let offset = 0n; offset < 32n; offset++) {
				const address = {family, value: base + offset};
				t.is(includes(inUnion, address), includes(prefixes, address));
				t.not(includes(inComplement, address), includes(prefixes, address));
			}

			t.is(intersects(prefixes, probe), prefixes.some(prefix => overlaps(prefix, probe)));
			t.true(prefixes.every((prefix, index) => index === 0 || (prefixes[index - 1]?.value ?? 0n) < prefix.value));
			t.false(prefixes.some((prefix, index) => areHalves(prefixes[index - 1], prefix)), 'two halves of one prefix should be one');
		}), {numRuns: 300});
	});
}

test('membership needs the right family', t => {
	t.true(includes(difference(ranges('10.0.0.0/8 ::/96'), []), {family: 6, value: 10n << 24n}));
	t.false(includes(difference(ranges('10.0.0.0/8'), []), {family: 6, value: 10n << 24n}));
	t.false(includes([], {family: 4, value: 0n}));
});

test('10,000 addresses of each family with 1,000 exclusions are a matter of milliseconds', t => {
	const scattered = (family: Family, step: number, count: number): AddressRange[] => Array.from({length: count}, (_, index) => {
		const address = {family, value: (family === 4 ? 10n << 24n : 0xFDn << 120n) + BigInt((index * 7919 % count) * step)};
		return {first: address, last: address};
	});
	const included = [...scattered(4, 2, 10_000), ...scattered(6, 2, 10_000)];
	const excluded = [...scattered(4, 20, 1000), ...scattered(6, 20, 1000)];
	let prefixes: Prefix[] = [];
	t.true(spent(() => {
		prefixes = difference(included, excluded);
	}) < 5 * 100);
	t.is(prefixes.length, 18_000);
});

function areHalves(a: Prefix | undefined, b: Prefix): boolean {
	return a !== undefined && a.length === b.length && networkOf({address: b, length: b.length - 1}).value === a.value;
}
