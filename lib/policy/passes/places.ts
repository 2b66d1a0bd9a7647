/** Where the addresses of a rule's side can be met: at which hosts, or anywhere. */
import {width} from '../../util/address.ts';
import type {Address, Prefix} from '../../util/address.ts';
import type {Match} from '../filter-rule.ts';
import type {HostEntry, Inventory} from '../inventory.ts';
import {intersects} from '../prefix-set.ts';
import type {Draft} from './draft.ts';
import {remember} from './memo.ts';
import {prefixesOf} from './sides.ts';

/** The hosts a side's packets can come from or go to; undefined hosts mean anywhere, also outside the network. */
export type Place = {readonly hosts: readonly string[] | undefined};

/** Who has which address. */
export type Owners = {
	readonly hostsAt: ReadonlyMap<string, readonly string[]>;
	/** Hosts that may send from further addresses than their own. */
	readonly roaming: readonly HostEntry[];
};

const anywhere: Place = {hosts: undefined};

/** What a set does not hold can be met anywhere: so can the outside. */
export function placesOf({inventory, memo, sets}: Draft): (match: Match) => Place {
	return match => {
		const prefixes = match.kind === 'set' && match.negated ? undefined : prefixesOf(match, sets);
		return prefixes ? remember(memo.places, prefixes, () => placeOf(prefixes, remember(memo.owners, inventory, () => ownersOf(inventory)))) : anywhere;
	};
}

/** Known hosts when every prefix is the address of one; and hosts that are allowed to send from these addresses besides. */
function placeOf(prefixes: readonly Prefix[], {hostsAt, roaming}: Owners): Place {
	const hosts = new Set<string>();
	for (const prefix of prefixes) {
		const here = prefix.length === width(prefix.family) ? hostsAt.get(keyOf(prefix)) : undefined;
		if (!here) {
			return anywhere;
		}

		for (const host of here) {
			hosts.add(host);
		}
	}

	for (const {name} of roaming.filter(({allowedAddresses}) => allowedAddresses.some(allowed => intersects(prefixes, allowed)))) {
		hosts.add(name);
	}

	return {hosts: [...hosts]};
}

function ownersOf({hosts}: Inventory): Owners {
	const hostsAt = new Map<string, string[]>();
	for (const {name, addresses} of hosts.values()) {
		for (const key of addresses.map(keyOf)) {
			hostsAt.set(key, [...hostsAt.get(key) ?? [], name]);
		}
	}

	return {hostsAt, roaming: [...hosts.values()].filter(({allowedAddresses}) => allowedAddresses.length > 0)};
}

function keyOf({family, value}: Address): string {
	return `${family} ${value}`;
}
