/** The addresses a peer stands for, with `not` and lists taken apart. */
import type {Prefix} from '../util/address.ts';
import type {Inventory} from './inventory.ts';
import type {Peer} from './model.ts';
import {complement, everything, singlePrefixes, union} from './prefix-set.ts';

/** A peer whose addresses are listed elsewhere: in the policy or in the inventory. */
export type NamedPeer = Extract<Peer, {readonly name: string}>;
/** A peer without a `not` before it, and no list of one. */
export type BasePeer = Exclude<Peer, {readonly kind: 'not'}>;

/** `not not X` is X, and `(X)` is X. @returns the peer behind all outer `not`s, and whether their number is odd */
export function unwrap(peer: Peer, negated = false): {readonly base: BasePeer; readonly negated: boolean} {
	if (peer.kind === 'not') {
		return unwrap(peer.peer, !negated);
	}

	const [only, ...others] = peer.kind === 'list' ? peer.peers : [];
	return only && others.length === 0 ? unwrap(only, negated) : {base: peer, negated};
}

/**
Disjoint, sorted. Empty for what has no address now: such a side holds nothing.

@param prefixesOf the addresses of a group, an IPG or a node, disjoint and sorted
*/
export function addressesOf(peer: Peer, prefixesOf: (peer: NamedPeer) => readonly Prefix[]): readonly Prefix[] {
	switch (peer.kind) {
		case 'any':
			return everything;
		case 'prefix':
			return [peer.prefix];
		case 'not':
			return complement(addressesOf(peer.peer, prefixesOf));
		case 'list':
			return union(peer.peers.flatMap(one => addressesOf(one, prefixesOf)));
		default:
			return prefixesOf(peer);
	}
}

/** Only hosts and routers have addresses. */
export function nodeAddresses(name: string, {hosts, routers}: Inventory): Prefix[] {
	return singlePrefixes((hosts.get(name) ?? routers.get(name))?.addresses ?? []);
}
