/** The flows of a switch's rules, and which of them a change of the rules changes: a rule that stays as it was is not looked at. */
import type {FilterRule} from '../policy/filter-rule.ts';
import {changedSpan, updateSpan} from '../policy/passes/changed-span.ts';
import {rememberPair} from '../policy/passes/memo.ts';
import {byKey} from './flow.ts';
import type {Flow, Flows} from './flow.ts';

/** The flows of each rule, by its id, in evaluation order: a rule that a change leaves as it was keeps the very same list. */
export type RuleFlows = Pick<ReadonlyMap<number, readonly Flow[]>, 'get' | 'has' | 'values'> & Iterable<[number, readonly Flow[]]>;

type FlowsOf = (rule: FilterRule) => readonly Flow[];

/** Two lists side by side, and a map of them once somebody asks for an id: a map for each switch at each change would cost more than all else that a rule more does. */
class ListedFlows implements RuleFlows {
	readonly lists: ReadonlyArray<readonly Flow[]>;
	readonly #rules: readonly FilterRule[];
	#byId: ReadonlyMap<number, readonly Flow[]> | undefined;

	constructor(rules: readonly FilterRule[], lists: ReadonlyArray<readonly Flow[]>) {
		this.#rules = rules;
		this.lists = lists;
	}

	get(id: number): readonly Flow[] | undefined {
		return this.#map().get(id);
	}

	has(id: number): boolean {
		return this.#map().has(id);
	}

	values(): MapIterator<readonly Flow[]> {
		return this.lists.values();
	}

	[Symbol.iterator](): MapIterator<[number, readonly Flow[]]> {
		return this.#map().entries();
	}

	#map(): ReadonlyMap<number, readonly Flow[]> {
		this.#byId ??= new Map(this.#rules.map(({id}, index) => [id, this.lists[index] ?? []]));
		return this.#byId;
	}
}

/** The flows of a switch's rules. The same rule has the same flows on every switch. */
export function ruleFlows(rules: readonly FilterRule[], flowsOf: FlowsOf): RuleFlows {
	return new ListedFlows(rules, rules.map(rule => flowsOf(rule)));
}

/**
The flows before, with those of the rules that came instead of those that went.

@param before the rules that the flows before are of; each that is in `rules` too must still have the same flows
*/
export function updateRuleFlows(previous: RuleFlows, before: readonly FilterRule[], rules: readonly FilterRule[], flowsOf: FlowsOf): RuleFlows {
	const known = listsOf(previous);
	const lists = updateSpan(before, rules, known, flowsOf);
	return lists === known ? previous : new ListedFlows(rules, lists);
}

/** The flows of the rules that are not the same in both, before and after. No two rules have a flow in common: each has a priority of its own. */
export function changedRules(previous: RuleFlows, next: RuleFlows): readonly [Flows, Flows] {
	return rememberPair(changes, next, previous, () => {
		const [before, after] = [listsOf(previous), listsOf(next)];
		const {first, endBefore, endAfter} = changedSpan(before, after);
		const [gone, come] = [before.slice(first, endBefore), after.slice(first, endAfter)];
		return [flowsWithout(gone, come), flowsWithout(come, gone)];
	});
}

function listsOf(flows: RuleFlows): ReadonlyArray<readonly Flow[]> {
	return flows instanceof ListedFlows ? flows.lists : [...flows.values()];
}

const changes = new WeakMap<RuleFlows, WeakMap<RuleFlows, readonly [Flows, Flows]>>();

function flowsWithout(lists: ReadonlyArray<readonly Flow[]>, others: ReadonlyArray<readonly Flow[]>): Flows {
	const same = new Set(others);
	return byKey(lists.filter(flows => !same.has(flows)).flat());
}
