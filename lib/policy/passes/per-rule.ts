/** What a pass finds out about each rule: anew only for rules that came, and for those that name a set that changed. */
import type {FilterRule, Match} from '../filter-rule.ts';
import type {Inventory} from '../inventory.ts';
import {updateSpan} from './changed-span.ts';
import type {Draft} from './draft.ts';

/** The rules and sets of the latest compilation, and one result for each rule. */
export type PerRule<Result> = Pick<Draft, 'rules' | 'sets'> & {readonly results: readonly Result[]};

/** @param work by the rule and the sets it names, and what never changes in one inventory */
export function perRule<Result>(memo: WeakMap<Inventory, PerRule<Result>>, {inventory, rules, sets}: Draft, work: (rule: FilterRule) => Result): readonly Result[] {
	const known = memo.get(inventory);
	const results = known ? updated(known, {rules, sets}, work) : rules.map(rule => work(rule));
	memo.set(inventory, {rules, sets, results});
	return results;
}

function updated<Result>(known: PerRule<Result>, {rules, sets}: Pick<Draft, 'rules' | 'sets'>, work: (rule: FilterRule) => Result): readonly Result[] {
	const results = updateSpan(known.rules, rules, known.results, work);
	const changed = new Set([...sets.values()].filter(set => known.sets.get(set.name) !== set).map(({name}) => name));
	const isChanged = (side: Match): boolean => side.kind === 'set' && changed.has(side.set);
	return changed.size === 0 ? results : rules.map((rule, index) => isChanged(rule.from) || isChanged(rule.to) ? work(rule) : results[index] as Result);
}
