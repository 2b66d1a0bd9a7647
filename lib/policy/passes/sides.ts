/** The sides of rules as devices match them: every address, prefixes written out, or a named set, perhaps its complement. */
import type {Prefix} from '../../util/address.ts';
import type {AddressSet, Match} from '../filter-rule.ts';
import type {Inventory} from '../inventory.ts';
import type {Peer} from '../model.ts';
import {nodeAddresses, unwrap} from '../peer-addresses.ts';
import type {BasePeer} from '../peer-addresses.ts';
import {peerText} from '../peer.ts';

export type Side = {
	readonly match: Match;
	/** The peer whose addresses the set holds, when it is a set. */
	readonly base: BasePeer;
};

/** Nodes and prefixes are written out; lists, and what a `not` stands before, are sets that are named by their text, so that rules share them. */
export function sideOf(peer: Peer, inventory: Inventory): Side {
	const {base, negated} = unwrap(peer);
	return {base, match: matchOf(base, negated, inventory)};
}

function matchOf(base: BasePeer, negated: boolean, inventory: Inventory): Match {
	switch (base.kind) {
		case 'any':
			return negated ? {kind: 'prefixes', prefixes: []} : {kind: 'any'};
		case 'node':
			return negated ? {kind: 'set', set: setName(base), negated} : {kind: 'prefixes', prefixes: nodeAddresses(base.name, inventory)};
		case 'prefix':
			return negated ? {kind: 'set', set: setName(base), negated} : {kind: 'prefixes', prefixes: [base.prefix]};
		default:
			return {kind: 'set', set: setName(base), negated};
	}
}

export function setName(base: BasePeer): string {
	switch (base.kind) {
		case 'group':
			return `sg:${base.name}`;
		case 'ipg':
			return `ipg:${base.name}`;
		default:
			return `peers:${peerText(base)}`;
	}
}

/** The prefixes that a side names, whether it is their complement or not; undefined for every address. */
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
