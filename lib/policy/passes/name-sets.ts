/** Pass 2: the address set of every side that is one: of groups (`sg:NAME`), IPGs (`ipg:NAME`), lists and what a `not` stands before (`peers:TEXT`). */
import type {Prefix} from '../../util/address.ts';
import type {AddressSet} from '../filter-rule.ts';
import {resolveMembers} from '../member.ts';
import type {IpgMember, Peer, Policy} from '../model.ts';
import {addressesOf, nodeAddresses} from '../peer-addresses.ts';
import type {BasePeer, NamedPeer} from '../peer-addresses.ts';
import {namedPeers} from '../peer.ts';
import {samePrefixes} from '../prefix-set.ts';
import type {Draft} from './draft.ts';
import {addressesOfHosts} from './host-addresses.ts';
import {remember, sameItems} from './memo.ts';
import {setName, sideOf} from './sides.ts';

/** The peers of all rules that name one set. */
export type Namesakes = [BasePeer, ...BasePeer[]];
type GroupOrIpg = Exclude<NamedPeer, {readonly kind: 'node'}>;

export function nameSets(draft: Draft): Draft {
	const {policy, inventory, memo} = draft;
	const named = remember(memo.named, policy.rules, () => peersByName(draft));
	const sets = new Map([...named].map(([name, peers]) => [name, setOf(name, peers, draft)]));
	memo.latestSets.set(inventory, sets);
	return {...draft, sets};
}

/** In the order in which rules name the sets. */
function peersByName(draft: Draft): Map<string, Namesakes> {
	const named = new Map<string, Namesakes>();
	for (const {from, to} of draft.policy.rules) {
		collect(from, named, draft);
		collect(to, named, draft);
	}

	return named;
}

function collect(peer: Peer, named: Map<string, Namesakes>, {inventory, memo}: Draft): void {
	const {match, base} = remember(memo.sides, peer, () => sideOf(peer, inventory));
	if (match.kind === 'set') {
		const peers = named.get(match.set);
		if (peers) {
			peers.push(base);
		} else {
			named.set(match.set, [base]);
		}
	}
}

function setOf(name: string, peers: Namesakes, draft: Draft): AddressSet {
	const [peer] = peers;
	return peer.kind === 'group' || peer.kind === 'ipg' ? memberSet(peer, draft) : derivedSet(name, peers, draft);
}

function memberSet(peer: GroupOrIpg, draft: Draft): AddressSet {
	const name = setName(peer);
	const {policy, memo} = draft;
	if (peer.kind === 'group') {
		const members = policy.groups.get(peer.name) ?? nobody;
		return remember(memo.sets, members, () => addressSet(name, addressesOfHosts(members, draft), draft), set => set.name === name);
	}

	const members = policy.ipgs.get(peer.name) ?? nothing;
	return remember(memo.sets, members, () => addressSet(name, resolveMembers(members), draft), set => set.name === name);
}

/** Rules come and go, so any of the peers may be the one that an earlier policy had too. */
function derivedSet(name: string, peers: Namesakes, draft: Draft): AddressSet {
	const {derived} = draft.memo;
	const members = namedPeers(peers[0]).map(peer => membersOf(peer, draft.policy));
	const known = peers.flatMap(peer => derived.get(peer) ?? []).find(entry => sameItems(entry.members, members));
	const set = known?.set ?? addressSet(name, addressesOf(peers[0], peer => prefixesOf(peer, draft)), draft);
	for (const peer of peers) {
		derived.set(peer, {members, set});
	}

	return set;
}

/** A member more or less may change nothing, such as one whose address a prefix of the same list holds. */
function addressSet(name: string, prefixes: readonly Prefix[], {inventory, memo}: Draft): AddressSet {
	const latest = memo.latestSets.get(inventory)?.get(name);
	return latest && samePrefixes(latest.prefixes, prefixes) ? latest : {name, prefixes};
}

/** What the addresses of a peer follow from; those of nodes never change in one inventory. */
function membersOf({kind, name}: NamedPeer, {groups, ipgs}: Policy): unknown {
	return kind === 'group' ? groups.get(name) : kind === 'ipg' ? ipgs.get(name) : undefined;
}

function prefixesOf(peer: NamedPeer, draft: Draft): readonly Prefix[] {
	return peer.kind === 'node' ? nodeAddresses(peer.name, draft.inventory) : memberSet(peer, draft).prefixes;
}

const nobody: ReadonlySet<string> = new Set();
const nothing: readonly IpgMember[] = [];
