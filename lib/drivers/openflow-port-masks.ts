/** Ranges of ports as OpenFlow matches them: by value and mask. */
import type {PortRange} from '../policy/model.ts';

const portBits = 16;

/** The ports whose bits under the mask are those of the value. */
export type Masked = {readonly value: number; readonly mask: number};

/**
The fewest blocks of 2ⁿ ports, each at a multiple of its size, that hold exactly the ports of the ranges.

@param ranges sorted, disjoint, not touching
@param bits width of the field; ports have 16
*/
export function maskRanges(ranges: readonly PortRange[], bits = portBits): Masked[] {
	return ranges.flatMap(({first, last}) => blocks(first, last, (2 ** bits) - 1));
}

function blocks(first: number, last: number, highest: number): Masked[] {
	const found: Masked[] = [];
	for (let value = first; value <= last;) {
		const size = largestBlock(value, last, highest);
		found.push({value, mask: highest - (size - 1)});
		value += size;
	}

	return found;
}

/** The largest that begins at the value and does not end after `last`. */
function largestBlock(value: number, last: number, highest: number): number {
	let size = 1;
	while (size <= highest && value % (size * 2) === 0 && value + (size * 2) - 1 <= last) {
		size *= 2;
	}

	return size;
}
