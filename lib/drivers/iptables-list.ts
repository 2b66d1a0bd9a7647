/** All lines of a perimeter router in their order; where only rules have changed, only theirs are looked at. */
import type {DevicePlan, FilterRule} from '../policy/filter-rule.ts';
import {changedSpan} from '../policy/passes/changed-span.ts';
import type {Family} from '../util/address.ts';
import type {PerimeterState} from './iptables-render.ts';
import {iptablesLines, ruleTexts} from './iptables-lines.ts';
import type {TextLine} from './iptables-lines.ts';
import {linesAfter, linesBefore} from './perimeter-chains.ts';
import type {InstalledSets} from './perimeter-sets.ts';

type Rules = readonly FilterRule[];

export function allLines({rules, shared}: DevicePlan, sets: InstalledSets, family: Family): readonly TextLine[] {
	const around = [linesBefore(), linesAfter(shared, family)].map(lines => lines.flatMap(line => iptablesLines(line, sets, family)));
	return [...around[0] ?? [], ...rules.flatMap(rule => ruleTexts(rule, sets, family)), ...around[1] ?? []];
}

/**
As `allLines`, where `previous` has the same sets and defaults.

@returns undefined when the lines of the rules that stay are not found in `previous`
*/
export function updateLines(rules: Rules, sets: InstalledSets, family: Family, {plan, lines}: Pick<PerimeterState, 'plan' | 'lines'>): readonly TextLine[] | undefined {
	const {rules: before = []} = plan ?? {};
	const {first, endBefore, endAfter} = changedSpan(before, rules);
	const start = endOf(before.slice(0, first), sets, family, lines[family]);
	if (start === undefined) {
		return undefined;
	}

	const [gone, fresh] = [before.slice(first, endBefore), rules.slice(first, endAfter)].map(some => some.flatMap(rule => ruleTexts(rule, sets, family)));
	return lines[family].toSpliced(start, gone?.length ?? 0, ...fresh ?? []);
}

/** Index behind the last line of these rules, which stand first. The texts of a rule that another router has under other names of sets are not the very same. */
function endOf(rules: Rules, sets: InstalledSets, family: Family, lines: readonly TextLine[]): number | undefined {
	const last = rules.findLast(rule => ruleTexts(rule, sets, family).length > 0);
	if (last === undefined) {
		return linesBefore().length;
	}

	const index = lines.lastIndexOf(ruleTexts(last, sets, family).at(-1) as TextLine);
	return index < 0 ? undefined : index + 1;
}
