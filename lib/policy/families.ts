/** Families of addresses: whether what a rule names on its two sides can meet. */
import type {Family} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Peer, RuleParts} from './model.ts';
import {peerText} from './peer.ts';

const both: readonly Family[] = [4, 6];

/** Only addresses and prefixes are of one family for good. */
function familiesOf(peer: Peer): readonly Family[] {
	switch (peer.kind) {
		case 'prefix':
			return [peer.prefix.family];
		case 'list':
			return [...new Set(peer.peers.flatMap(familiesOf))];
		default:
			return both;
	}
}

/** @throws InputError `families` when no packet can ever go from one side to the other */
export function refuseApart({from, to}: Pick<RuleParts, 'from' | 'to'>): void {
	const [sources, destinations] = [familiesOf(from), familiesOf(to)];
	if (!sources.some(family => destinations.includes(family))) {
		throw new InputError('families', `${peerText(from)} is IPv${sources.join()} and ${peerText(to)} is IPv${destinations.join()}: no packet goes from one to the other. Name both by addresses of one family.`);
	}
}
