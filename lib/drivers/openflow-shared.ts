/** What all switches of a lab have in common, rendered once: numbers of sets, priorities of rules, and the flows of the shared stages. */
import {compareAddresses, contains, width} from '../util/address.ts';
import type {Address, Prefix} from '../util/address.ts';
import type {AddressSet, SharedPlan} from '../policy/filter-rule.ts';
import {remember, rememberPair} from '../policy/passes/memo.ts';
import {holding} from '../policy/prefix-set.ts';
import {classify, nowhere} from './address-class.ts';
import type {SetNumbers} from './address-class.ts';
import {byKey, diffTables} from './flow.ts';
import type {Flow, FlowLine, Flows} from './flow.ts';
import {classFlow, stageFlows} from './openflow-classes.ts';
import {placeRules} from './openflow-rules.ts';
import type {Priorities} from './openflow-rules.ts';

export type SharedFlows = {
	/** What was rendered; undefined when nothing was. */
	readonly plan: SharedPlan | undefined;
	readonly numbers: SetNumbers;
	readonly priorities: Priorities;
	readonly flows: Flows;
};

export const plainShared: SharedFlows = {plan: undefined, numbers: new Map(), priorities: new Map(), flows: new Map()};

const sides = ['source', 'destination'] as const;
/** Up to so many addresses are classified one by one; the more there are, the better it is to go through all sets once. */
const fewAddresses = 32;

/** What was rendered for a plan, by what its numbers had to agree with. All switches of a lab share one plan. What came before is held weakly, or all of it would stay for ever. */
const rendered = new WeakMap<SharedPlan, {readonly byPrevious: WeakMap<SharedFlows, SharedFlows>; readonly first: SharedFlows}>();

/**
Renders the shared stages once for all switches that render the same plan.

@param previous keeps the numbers of sets and the priorities of rules; a switch without one takes those its neighbours have
*/
export function renderShared(plan: SharedPlan, previous: SharedFlows | undefined): SharedFlows {
	const known = rendered.get(plan);
	const found = previous ? known?.byPrevious.get(previous) : known?.first;
	if (found) {
		return found;
	}

	const numbers = numberSets(plan, previous?.numbers);
	const priorities = previous && isSameOrder(plan, previous) ? previous.priorities : placeRules(plan.order, previous?.priorities);
	const touched = previous && touchedFlows(plan, numbers, previous);
	const flows = previous && touched ? updated(previous.flows, touched) : byKey(allFlows(plan, numbers));
	const result = {plan, numbers, priorities, flows};
	if (previous && touched) {
		rememberPair(differences, result, previous, () => diffTables(...touched));
	}

	const {byPrevious} = remember(rendered, plan, () => ({byPrevious: new WeakMap<SharedFlows, SharedFlows>(), first: result}));
	if (previous) {
		byPrevious.set(previous, result);
	}

	return result;
}

const differences = new WeakMap<SharedFlows, WeakMap<SharedFlows, readonly FlowLine[]>>();

/** As diffTables, found once for all switches. */
export function diffShared(previous: SharedFlows, next: SharedFlows): readonly FlowLine[] {
	return rememberPair(differences, next, previous, () => diffTables(previous.flows, next.flows));
}

function isSameOrder({order}: SharedPlan, {plan}: SharedFlows): boolean {
	return order.length === plan?.order.length && order.every((id, index) => id === plan.order[index]);
}

/** A set keeps its number while it exists; a new one takes the lowest that is free. */
function numberSets({sets}: SharedPlan, previous: SetNumbers = new Map()): SetNumbers {
	const names = [...sets.keys()];
	if (names.length === previous.size && names.every(name => previous.has(name))) {
		return previous;
	}

	const numbers = new Map([...previous].filter(([name]) => sets.has(name)));
	const taken = new Set(numbers.values());
	let next = 0;
	for (const name of names.filter(name => !numbers.has(name))) {
		while (taken.has(next)) {
			next++;
		}

		numbers.set(name, next++);
	}

	return numbers;
}

function allFlows(plan: SharedPlan, numbers: SetNumbers): Flow[] {
	return [...sides.flatMap(side => classify(side, plan, numbers).map(classified => classFlow(side, classified))), ...stageFlows(plan)];
}

/** The flows of the addresses whose class may have changed, before and after; undefined when that is not the shorter way. */
function touchedFlows(plan: SharedPlan, numbers: SetNumbers, previous: SharedFlows): readonly [Flows, Flows] | undefined {
	const changed = previous.plan && isSameStages(plan, previous.plan) ? changedPrefixes(plan, numbers, previous.plan, previous.numbers) : undefined;
	// Only a single address has no other prefix in it whose class might follow.
	if (!changed || changed.length > fewAddresses || changed.some(({family, length}) => length < width(family))) {
		return undefined;
	}

	const [before, after] = [new Map<string, Flow>(), new Map<string, Flow>()];
	for (const {key, flow} of changed.flatMap(address => reclassified(address, plan, numbers))) {
		const known = previous.flows.get(key);
		if (known) {
			before.set(key, known);
		}

		if (flow) {
			after.set(key, flow);
		}
	}

	return [before, after];
}

/** The very same when nothing was touched. */
function updated(flows: Flows, [before, after]: readonly [Flows, Flows]): Flows {
	if (before.size + after.size === 0) {
		return flows;
	}

	const next = new Map(flows);
	before.forEach((_, key) => next.delete(key));
	after.forEach((flow, key) => next.set(key, flow));
	return next;
}

/** Whether every rule that is in both kept its priority, as a set keeps its number: it then has the same flows in both. Found once for all switches. */
export function keepsPriorities(previous: SharedFlows, next: SharedFlows): boolean {
	return previous.priorities === next.priorities
		|| rememberPair(kept, next, previous, () => [...previous.priorities].every(([id, at]) => (next.priorities.get(id) ?? at) === at));
}

const kept = new WeakMap<SharedFlows, WeakMap<SharedFlows, boolean>>();

function isSameStages(plan: SharedPlan, previous: SharedPlan): boolean {
	return plan.isolation === previous.isolation && plan.domains === previous.domains && plan.routers === previous.routers && plan.routerMacs === previous.routerMacs;
}

function changedPrefixes({sets, bound}: SharedPlan, numbers: SetNumbers, previous: SharedPlan, previousNumbers: SetNumbers): Prefix[] {
	const names = new Set([...sets.keys(), ...previous.sets.keys()]);
	const prefixesOf = (set: AddressSet | undefined) => set?.prefixes ?? [];
	return [
		...[...names].flatMap(name => {
			const [before, after] = [prefixesOf(previous.sets.get(name)), prefixesOf(sets.get(name))];
			return numbers.get(name) === previousNumbers.get(name) ? inOnlyOne(before, after) : [...before, ...after];
		}),
		...inOnlyOne(previous.bound.prefixes, bound.prefixes),
	];
}

/** Prefixes that only one of two sets has. @param before sorted by compareAddresses, as is `after` */
function inOnlyOne(before: readonly Prefix[], after: readonly Prefix[]): Prefix[] {
	if (before === after) {
		return [];
	}

	const left: Prefix[] = [];
	let [a, b] = [0, 0];
	for (let first = before[a], second = after[b]; first ?? second; first = before[a], second = after[b]) {
		const order = first && second ? compareAddresses(first, second) || first.length - second.length : first ? -1 : 1;
		if (order !== 0) {
			left.push(...[order < 0 ? first : second].flatMap(prefix => prefix ?? []));
		}

		a += order <= 0 ? 1 : 0;
		b += order >= 0 ? 1 : 0;
	}

	return left;
}

/** Classifies one address as if there were no other: its class follows from the prefixes that hold it. No flow where it needs none of its own. */
function reclassified(address: Prefix, plan: SharedPlan, numbers: SetNumbers): Array<{readonly key: string; readonly flow: Flow | undefined}> {
	const around = narrowed(plan, address);
	return sides.map(side => {
		const own = classify(side, around, numbers).findLast(({prefix}) => prefix.length === address.length);
		const flow = classFlow(side, own ?? {prefix: address, class: nowhere});
		return {key: flow.key, flow: own && flow};
	});
}

/** The plan with only those prefixes that hold an address. */
function narrowed(plan: SharedPlan, address: Address): SharedPlan {
	const narrow = ({name, prefixes}: AddressSet): AddressSet => ({name, prefixes: holding(prefixes, address)});
	return {
		...plan,
		sets: new Map([...plan.sets].map(([name, set]) => [name, narrow(set)])),
		bound: narrow(plan.bound),
		routers: narrow(plan.routers),
		domains: plan.domains.map(domain => ({...domain, subnets: domain.subnets.filter(subnet => contains(subnet, address))})),
	};
}
