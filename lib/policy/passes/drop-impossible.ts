/** Pass 4: leaves out rules that no packet can match: a side or the traffic is empty, or they have no address family in common. */
import type {Family} from '../../util/address.ts';
import type {FilterRule, Match} from '../filter-rule.ts';
import {holdsAll} from '../prefix-set.ts';
import type {Draft} from './draft.ts';
import {remember, rememberList} from './memo.ts';
import {perRule} from './per-rule.ts';
import {prefixesOf} from './sides.ts';

export function dropImpossible(draft: Draft): Draft {
	const {inventory, memo, rules} = draft;
	const possible = perRule(memo.possible, draft, rule => isPossible(rule, draft));
	return {...draft, rules: rememberList(memo.possibleRules, inventory, rules.filter((_, index) => possible[index]))};
}

function isPossible({from, to, traffic}: FilterRule, draft: Draft): boolean {
	const sources = familiesOf(from, draft);
	const destinations = familiesOf(to, draft);
	return sources.some(family => destinations.includes(family) && (traffic?.some(match => match.family === family) ?? true));
}

function familiesOf(match: Match, {sets, memo}: Draft): readonly Family[] {
	const prefixes = prefixesOf(match, sets);
	if (!prefixes) {
		return families;
	}

	return match.kind === 'set' && match.negated
		? remember(memo.familiesBeside, prefixes, () => families.filter(family => !holdsAll(prefixes, family)))
		: remember(memo.families, prefixes, () => families.filter(family => prefixes.some(prefix => prefix.family === family)));
}

const families: readonly Family[] = [4, 6];
