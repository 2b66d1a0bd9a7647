/** Takes apart the subnets of domains that share addresses, so that an address lies in one domain at most, for every reader of the list. */
import {compareAddresses, contains, formatPrefix, overlaps, prefixOf} from '../util/address.ts';
import type {Address, Prefix} from '../util/address.ts';
import {difference, rangeOf} from './prefix-set.ts';

/** The subnets of a domain, sorted, and the addresses that its interfaces have. */
export type Territory = {readonly subnets: readonly Prefix[]; readonly addresses: readonly Address[]};

type Claim = {readonly prefix: Prefix; readonly owner: Territory};

/**
The prefixes of each territory, sorted, each once. An address that an interface has is in that interface's territory; any other belongs to the longest
subnet around it, of equal ones to that of the first territory. A subnet that shares nothing is left as it is.
*/
export function disjoint(territories: readonly Territory[]): Prefix[][] {
	const claims = territories.flatMap(owner => owner.subnets.map(prefix => ({prefix, owner})));
	if (!isContested(claims)) {
		return territories.map(({subnets}) => [...subnets]);
	}

	const strays = territories.flatMap(owner => owner.addresses.map(prefixOf).filter(prefix => winner(claims, prefix) !== owner).map(prefix => ({prefix, owner})));
	return territories.map(owner => {
		const own = strays.filter(stray => stray.owner === owner).map(({prefix}) => prefix);
		const rest = owner.subnets.flatMap(subnet => without(subnet, holesIn({prefix: subnet, owner}, claims, strays)));
		return [...new Map([...own, ...rest].map(prefix => [formatPrefix(prefix), prefix])).values()].sort(bySize);
	});
}

/** Prefixes overlap only when one lies in the other: sorted, each has to be compared with the last one that reaches furthest. */
function isContested(claims: readonly Claim[]): boolean {
	const sorted = claims.toSorted((a, b) => bySize(a.prefix, b.prefix));
	let widest: Claim | undefined;
	for (const claim of sorted) {
		if (!widest || !overlaps(widest.prefix, claim.prefix)) {
			widest = claim;
		} else if (widest.owner !== claim.owner) {
			return true;
		}
	}

	return false;
}

function winner(claims: readonly Claim[], address: Address): Territory | undefined {
	return claims.filter(({prefix}) => contains(prefix, address)).reduce<Claim | undefined>((best, claim) => best && best.prefix.length >= claim.prefix.length ? best : claim, undefined)?.owner;
}

/** What lies in the subnet and is another's: longer subnets, an equal one that came first, and single addresses. */
function holesIn({prefix, owner}: Claim, claims: readonly Claim[], strays: readonly Claim[]): Prefix[] {
	const firstEqual = claims.find(claim => claim.prefix.length === prefix.length && contains(claim.prefix, prefix));
	const longer = claims.filter(claim => claim.prefix.length > prefix.length || claim === firstEqual);
	return [...longer, ...strays].filter(claim => claim.owner !== owner && contains(prefix, claim.prefix)).map(claim => claim.prefix);
}

function without(subnet: Prefix, holes: readonly Prefix[]): Prefix[] {
	return holes.length === 0 ? [subnet] : difference([rangeOf(subnet)], holes.map(rangeOf));
}

function bySize(a: Prefix, b: Prefix): number {
	return compareAddresses(a, b) || a.length - b.length;
}
