/** Pass 1: the hosts that are in any group, and their addresses. */
import type {AddressSet} from '../filter-rule.ts';
import {samePrefixes} from '../prefix-set.ts';
import type {Draft} from './draft.ts';
import {addressesOfHosts} from './host-addresses.ts';
import {remember} from './memo.ts';

/** The hosts that are in any group, and their addresses. */
export type Bound = {readonly hosts: ReadonlySet<string>; readonly set: AddressSet};

export function bindHosts(draft: Draft): Draft {
	const {policy, inventory, memo} = draft;
	const bound = remember(memo.bound, policy.groups, () => boundTo(draft));
	memo.latestBound.set(inventory, bound);
	return {...draft, bound};
}

/** A host that joins a second group changes nothing here. */
function boundTo(draft: Draft): Bound {
	const hosts = new Set<string>();
	for (const members of draft.policy.groups.values()) {
		for (const host of members) {
			hosts.add(host);
		}
	}

	const latest = draft.memo.latestBound.get(draft.inventory);
	if (latest && isSameSet(latest.hosts, hosts)) {
		return latest;
	}

	const prefixes = addressesOfHosts(hosts, draft);
	return {hosts, set: latest && samePrefixes(latest.set.prefixes, prefixes) ? latest.set : {name: 'bound', prefixes}};
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
	return a.size === b.size && [...a].every(name => b.has(name));
}
