/** Sets of addresses as sorted, disjoint prefixes: union, difference, complement and membership, for both families together. */
import {compareAddresses, lastOf, prefixOf, rangePrefixes, sameAddress, width} from '../util/address.ts';
import type {Address, Family, Prefix} from '../util/address.ts';

/** All addresses from `first` to `last`, both included, of one family. */
export type AddressRange = {readonly first: Address; readonly last: Address};

type Span = {readonly first: bigint; readonly last: bigint};

/**
The addresses of any included range less those of every excluded one: an exclusion always wins, however specific the inclusion is.

@returns the fewest prefixes that hold exactly these addresses, disjoint, sorted by compareAddresses
*/
export function difference(included: readonly AddressRange[], excluded: readonly AddressRange[]): Prefix[] {
	return ([4, 6] as const).flatMap(family =>
		subtract(merge(spansOf(family, included)), merge(spansOf(family, excluded)))
			.flatMap(({first, last}) => rangePrefixes(family, first, last)));
}

/** Every address there is. */
export const everything: readonly Prefix[] = [{family: 4, value: 0n, length: 0}, {family: 6, value: 0n, length: 0}];

/** All addresses of both families that the prefixes do not hold, as the fewest prefixes. */
export function complement(prefixes: readonly Prefix[]): Prefix[] {
	return difference(everything.map(rangeOf), prefixes.map(rangeOf));
}

/**
The addresses that any of the prefixes holds, disjoint and sorted. A single address stays an entry of its own unless a block holds it, so that
one more or less changes no other entry; blocks are joined to the fewest.
*/
export function union(prefixes: readonly Prefix[]): Prefix[] {
	const isSingle = ({family, length}: Prefix): boolean => length === width(family);
	const blocks = difference(prefixes.filter(prefix => !isSingle(prefix)).map(rangeOf), []);
	const singles = singlePrefixes(prefixes.filter(prefix => isSingle(prefix) && !includes(blocks, prefix)));
	return [...blocks, ...singles].sort(compareAddresses);
}

/** Sorted, each address once, never joined to longer blocks. */
export function singlePrefixes(addresses: readonly Address[]): Prefix[] {
	return [...addresses]
		.sort(compareAddresses)
		.filter((address, index, all) => index === 0 || !sameAddress(address, all[index - 1] ?? address))
		.map(prefixOf);
}

/** Whether both are the same entries in the same order. */
export function samePrefixes(a: readonly Prefix[], b: readonly Prefix[]): boolean {
	return a.length === b.length && a.every((prefix, index) => {
		const other = b[index];
		return prefix === other || (other !== undefined && sameAddress(prefix, other) && prefix.length === other.length);
	});
}

/** Whether not one address of the family is missing. @param prefixes disjoint */
export function holdsAll(prefixes: readonly Prefix[], family: Family): boolean {
	const held = prefixes.filter(prefix => prefix.family === family).reduce((sum, {length}) => sum + (1n << BigInt(width(family) - length)), 0n);
	return held === 1n << BigInt(width(family));
}

/** The range a prefix holds. */
export function rangeOf(prefix: Prefix): AddressRange {
	const {family, value} = prefix;
	return {first: {family, value}, last: {family, value: lastOf(prefix)}};
}

/** @param prefixes disjoint, sorted by compareAddresses */
export function includes(prefixes: readonly Prefix[], address: Address): boolean {
	return holding(prefixes, address).length > 0;
}

/** The one prefix that holds an address, or none. @param prefixes disjoint, sorted by compareAddresses */
export function holding(prefixes: readonly Prefix[], address: Address): Prefix[] {
	const prefix = prefixes[lastNotAfter(prefixes, address)];
	return prefix?.family === address.family && address.value <= lastOf(prefix) ? [prefix] : [];
}

/** Whether any address lies in both. @param prefixes disjoint, sorted by compareAddresses */
export function intersects(prefixes: readonly Prefix[], other: Prefix): boolean {
	const next = prefixes[lastNotAfter(prefixes, other) + 1];
	return includes(prefixes, other) || (next?.family === other.family && next.value <= lastOf(other));
}

/** Index of the last prefix that begins at or before the address, by halving; -1 when all begin after it. */
function lastNotAfter(prefixes: readonly Prefix[], address: Address): number {
	let low = 0;
	let high = prefixes.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		const prefix = prefixes[middle];
		if (prefix && compareAddresses(prefix, address) <= 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}

	return low - 1;
}

function spansOf(family: Family, ranges: readonly AddressRange[]): Span[] {
	return ranges
		.filter(({first}) => first.family === family)
		.map(({first, last}) => ({first: first.value, last: last.value}))
		.sort((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
}

/** Joins spans that overlap or touch. @param spans sorted by their first address */
function merge(spans: readonly Span[]): Span[] {
	const merged: Span[] = [];
	for (const span of spans) {
		const previous = merged.at(-1);
		if (!previous || span.first > previous.last + 1n) {
			merged.push(span);
		} else if (span.last > previous.last) {
			merged[merged.length - 1] = {first: previous.first, last: span.last};
		}
	}

	return merged;
}

/** Walks both lists once; each is merged, so a hole that ends inside a span cannot reach into an earlier one. */
function subtract(spans: readonly Span[], holes: readonly Span[]): Span[] {
	const left: Span[] = [];
	let at = 0;
	for (const span of spans) {
		let {first} = span;
		let hole = holes[at];
		while (hole && hole.first <= span.last) {
			if (hole.first > first) {
				left.push({first, last: hole.first - 1n});
			}

			first = hole.last >= first ? hole.last + 1n : first;
			if (hole.last > span.last) {
				break;
			}

			at++;
			hole = holes[at];
		}

		if (first <= span.last) {
			left.push({first, last: span.last});
		}
	}

	return left;
}
