/** Pass 1: the address set of every group and IPG that a rule names, `sg:NAME` and `ipg:NAME`. */
import type {AddressSet} from '../filter-rule.ts';
import {resolveMembers} from '../member.ts';
import type {IpgMember, Peer} from '../model.ts';
import {addressSet} from './address-set.ts';
import type {Draft} from './draft.ts';
import {remember} from './memo.ts';

export function nameSets(draft: Draft): Draft {
	const sets = new Map<string, AddressSet>();
	for (const peer of draft.policy.rules.flatMap(({from, to}) => [from, to])) {
		if ((peer.kind === 'group' || peer.kind === 'ipg') && !sets.has(setName(peer))) {
			sets.set(setName(peer), peer.kind === 'group' ? groupSet(peer, draft) : ipgSet(peer, draft));
		}
	}

	return {...draft, sets};
}

export function setName({kind, name}: NamedPeer): string {
	return `${kind === 'group' ? 'sg' : 'ipg'}:${name}`;
}

function groupSet(peer: NamedPeer, {policy, inventory, memo}: Draft): AddressSet {
	const name = setName(peer);
	const members = policy.groups.get(peer.name) ?? nobody;
	return remember(memo.sets, members, () => addressSet(name, [...members].flatMap(host => inventory.hosts.get(host)?.addresses ?? [])), set => set.name === name);
}

function ipgSet(peer: NamedPeer, {policy, memo}: Draft): AddressSet {
	const name = setName(peer);
	const members = policy.ipgs.get(peer.name) ?? nothing;
	return remember(memo.sets, members, () => ({name, prefixes: resolveMembers(members)}), set => set.name === name);
}

type NamedPeer = Peer & {readonly kind: 'group' | 'ipg'};

const nobody: ReadonlySet<string> = new Set();
const nothing: readonly IpgMember[] = [];
