/** The addresses of hosts as sets: sorted once for a network, then only picked from. */
import {compareAddresses, prefixOf, sameAddress} from '../../util/address.ts';
import type {Family, Prefix} from '../../util/address.ts';
import type {Inventory} from '../inventory.ts';
import type {Draft} from './draft.ts';
import {remember} from './memo.ts';

export type HostAddress = {readonly host: string; readonly prefix: Prefix};

/**
Sorted, each address once, though two hosts may have it. Never joined to longer blocks: each is an entry of its own, so that a member
more or less touches that member's entries only.
*/
export function addressesOfHosts(names: ReadonlySet<string>, {inventory, memo}: Pick<Draft, 'inventory' | 'memo'>): Prefix[] {
	return remember(memo.hostAddresses, inventory, () => sortedAddresses(inventory))
		.filter(({host}) => names.has(host))
		.map(({prefix}) => prefix)
		.filter((prefix, index, all) => index === 0 || !sameAddress(prefix, all[index - 1] ?? prefix));
}

/** The families that any host has an address of. */
export function familiesOfHosts({hosts}: Inventory): readonly Family[] {
	return [...new Set([...hosts.values()].flatMap(({addresses}) => addresses.map(({family}) => family)))];
}

function sortedAddresses({hosts}: Inventory): HostAddress[] {
	return [...hosts.values()]
		.flatMap(({name, addresses}) => addresses.map(address => ({host: name, prefix: prefixOf(address)})))
		.sort((a, b) => compareAddresses(a.prefix, b.prefix));
}
