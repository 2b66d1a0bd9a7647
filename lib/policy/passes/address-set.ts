/** The addresses of sets and sides, as the passes build and read them. */
import {compareAddresses, prefixOf, sameAddress} from '../../util/address.ts';
import type {Address, Prefix} from '../../util/address.ts';
import type {AddressSet, Match} from '../filter-rule.ts';

/** A set of single addresses: each is an entry of its own, so that a member more or less touches that member's entries only. */
export function addressSet(name: string, addresses: readonly Address[]): AddressSet {
	return {name, prefixes: singlePrefixes(addresses)};
}

/** Sorted, each address once, never joined to longer blocks. */
export function singlePrefixes(addresses: readonly Address[]): Prefix[] {
	return [...addresses]
		.sort(compareAddresses)
		.filter((address, index, all) => index === 0 || !sameAddress(address, all[index - 1] ?? address))
		.map(prefixOf);
}

/** What a side stands for; undefined for every address. */
export function prefixesOf(match: Match, sets: ReadonlyMap<string, AddressSet>): readonly Prefix[] | undefined {
	switch (match.kind) {
		case 'any':
			return undefined;
		case 'set':
			return sets.get(match.set)?.prefixes ?? [];
		case 'prefixes':
			return match.prefixes;
	}
}
