/** Pass 3: leaves out rules that no packet can match: a side is empty, or the sides have no address family in common. */
import type {Family} from '../../util/address.ts';
import type {AddressSet, Match} from '../filter-rule.ts';
import {prefixesOf} from './address-set.ts';
import type {Draft} from './draft.ts';

export function dropImpossible(draft: Draft): Draft {
	return {...draft, rules: draft.rules.filter(({from, to}) => {
		const families = familiesOf(to, draft.sets);
		return familiesOf(from, draft.sets).some(family => families.includes(family));
	})};
}

/** Prefixes are sorted by family, so the first and the last tell. */
function familiesOf(match: Match, sets: ReadonlyMap<string, AddressSet>): readonly Family[] {
	const prefixes = prefixesOf(match, sets);
	return prefixes ? [prefixes[0], prefixes.at(-1)].flatMap(prefix => prefix?.family ?? []) : [4, 6];
}
