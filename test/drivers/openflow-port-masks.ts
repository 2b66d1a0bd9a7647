/** Ranges of ports as value and mask: exactly these ports, and no block that could be larger. */
import test from 'ava';
import {maskRanges} from '../../lib/drivers/openflow-port-masks.ts';
import type {PortRange} from '../../lib/policy/model.ts';

const bits = 6;
const width = 2 ** bits;
const all = Array.from({length: width}, (_, port) => port);
const everyRange: readonly PortRange[] = all.flatMap(first => all.slice(first).map(last => ({first, last})));

test('every range of a small field is matched by its ports and no others', t => {
	for (const range of everyRange) {
		const masks = maskRanges([range], bits);
		t.deepEqual(all.filter(port => masks.some(({value, mask}) => (port & mask) === value)), all.slice(range.first, range.last + 1));
	}
});

test('every range of a small field takes the fewest blocks', t => {
	const fewest = fewestBlocks();
	t.true(everyRange.every(range => maskRanges([range], bits).length === fewest(range)));
});

/** By trying every first block: a block begins at a multiple of its size. */
function fewestBlocks(): (range: PortRange) => number {
	const known = new Map<string, number>();
	const count = ({first, last}: PortRange): number => {
		const key = `${first}-${last}`;
		const sizes = Array.from({length: bits + 1}, (_, power) => 2 ** power).filter(size => first % size === 0 && first + size - 1 <= last);
		const found = known.get(key) ?? (first > last ? 0 : Math.min(...sizes.map(size => 1 + count({first: first + size, last}))));
		known.set(key, found);
		return found;
	};

	return count;
}

for (const [ranges, expected] of [
	['80', '50/ffff'],
	['80-90', '50/fff8 58/fffe 5a/ffff'],
	['0-65535', '0/0'],
	['1024-65535', '400/fc00 800/f800 1000/f000 2000/e000 4000/c000 8000/8000'],
	['22 80-81 443', '16/ffff 50/fffe 1bb/ffff'],
] as const) {
	test(`ports ${ranges}`, t => {
		const masks = maskRanges(ranges.split(' ').map(range => {
			const [first = 0, last = first] = range.split('-').map(Number);
			return {first, last};
		}));
		t.is(masks.map(({value, mask}) => `${value.toString(16)}/${mask.toString(16)}`).join(' '), expected);
	});
}

test('the longest way takes 30 masks', t => {
	t.is(maskRanges([{first: 1, last: 65_534}]).length, 30);
});
