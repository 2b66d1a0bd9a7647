/** The rules of a policy as flows: their priorities, and one final flow each where their sides allow it. */
import type {Family} from '../util/address.ts';
import type {FilterRule, Match} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import type {SetNumbers} from './address-class.ts';
import {dhcpServer} from './dhcp.ts';
import {makeFlow} from './flow.ts';
import type {Flow} from './flow.ts';
import {matchPrefix} from './openflow-classes.ts';
import {matchFlags, matchSet, priority, table} from './pipeline.ts';
import type {Side} from './pipeline.ts';

export type Priorities = ReadonlyMap<number, number>;

/** The flows of each rule, by its id: a rule that a change leaves as it was keeps the very same list. */
export type RuleFlows = ReadonlyMap<number, readonly Flow[]>;

/** The flows of a switch's rules. The same rule has the same flows on every switch. */
export function ruleFlows(rules: readonly FilterRule[], priorities: Priorities, numbers: SetNumbers): RuleFlows {
	return new Map(rules.map(rule => [rule.id, flowsOf(rule, known(priorities, rule.id), numbers)]));
}

function known<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
	const value = map.get(key);
	if (value === undefined) {
		throw new Error(`The plan names ${String(key)} and does not have it.`);
	}

	return value;
}

/** Around the policy's rules: what passes whatever they say, and what becomes of packets that they do not match. */
export function aroundRules(): Flow[] {
	return [
		...dhcpServer.flatMap(toBound),
		makeFlow(table.rules, priority.miss, '', `goto_table:${table.defaults}`, 'no rule matches'),
	];
}

/** Answers of DHCP servers: always allowed to bound hosts, whose ports ask for them; a copy goes the way of copies. */
function toBound(answer: string): Flow[] {
	const pass = (flags: string, next: number) => makeFlow(table.rules, priority.first, `${answer},${flags}`, `goto_table:${next}`, 'always allowed: answers to DHCP clients');
	return [pass(matchFlags(['bound'], ['multicast']), table.forward), pass(matchFlags(['bound', 'multicast']), table.permit)];
}

/**
Priorities of the rules by id, the first rule highest. Rules keep theirs, new ones are put between or after them; when
the order has changed or a gap is full, all are spread evenly again.
*/
export function placeRules(ids: readonly number[], previous: Priorities = new Map()): Priorities {
	return placeBetween(ids, previous) ?? spread(ids);
}

function placeBetween(ids: readonly number[], previous: Priorities): Priorities | undefined {
	const placed = new Map<number, number>();
	const below = nextPlaced(ids, previous);
	let above: number = priority.ruleFirst;
	for (const [index, id] of ids.entries()) {
		const at = previous.get(id) ?? newPriority(above, below[index]);
		if (at >= above || at <= priority.ruleLast) {
			return undefined;
		}

		placed.set(id, at);
		above = at;
	}

	return placed;
}

/** For each rule the priority of the next one that already has one. */
function nextPlaced(ids: readonly number[], previous: Priorities): Array<number | undefined> {
	let next: number | undefined;
	return ids.toReversed().map(id => {
		next = previous.get(id) ?? next;
		return next;
	}).reverse();
}

/** Half way to the next rule, or one step below the last. */
function newPriority(above: number, below: number | undefined): number {
	return below === undefined ? above - priority.ruleStep : Math.floor((above + below) / 2);
}

function spread(ids: readonly number[]): Priorities {
	const step = (priority.ruleFirst - priority.ruleLast) / (ids.length + 1);
	return new Map(ids.map((id, index) => [id, priority.ruleFirst - Math.floor((index + 1) * Math.min(step, priority.ruleStep))]));
}

type Rendered = {readonly at: number; readonly numbers: ReadonlyArray<number | undefined>; readonly flows: readonly Flow[]};

const rendered = new WeakMap<FilterRule, Rendered>();

function flowsOf(rule: FilterRule, at: number, numbers: SetNumbers): readonly Flow[] {
	const own = [rule.from, rule.to].map(side => side.kind === 'set' ? numbers.get(side.set) : undefined);
	return remember(rendered, rule, () => ({at, numbers: own, flows: renderRule(rule, at, numbers)}),
		known => known.at === at && known.numbers[0] === own[0] && known.numbers[1] === own[1]).flows;
}

/** One flow for each pair of the two sides' matches, or a conjunction of both lists where that takes fewer flows. */
function renderRule(rule: FilterRule, at: number, numbers: SetNumbers): Flow[] {
	const actions = rule.action === 'allow' ? `goto_table:${table.permit}` : 'drop';
	// A connection is allowed by its first packet: what starts none passes by no rule, and still meets those that deny.
	const firstOnly = rule.action === 'allow' ? [matchFlags([], ['untracked'])] : [];
	const final = (...matches: string[]) => makeFlow(table.rules, at, [...matches, ...firstOnly].filter(Boolean).join(','), actions, rule, true);
	const families = familiesOf(rule).map(family => [sideMatches('source', rule.from, family, numbers), sideMatches('destination', rule.to, family, numbers)] as const);
	const pairs = families.flatMap(([sources, destinations]) => sources.flatMap(source => destinations.map(destination => [source, destination])));
	const lists = families.filter(([sources, destinations]) => sources.length > 0 && destinations.length > 0);
	if (pairs.length <= lists.flat(2).length + 1) {
		return pairs.map(pair => final(...pair));
	}

	const member = (match: string, dimension: number) => makeFlow(table.rules, at, match, `conjunction(${rule.id},${dimension}/2)`, rule);
	return [
		...lists.flatMap(([sources, destinations]) => [...sources.map(match => member(match, 1)), ...destinations.map(match => member(match, 2))]),
		final(`conj_id=${rule.id}`),
	];
}

/** Registers hold both families alike; a rule needs a flow for each family only where it names prefixes. */
function familiesOf({from, to}: FilterRule): ReadonlyArray<Family | undefined> {
	return from.kind === 'prefixes' || to.kind === 'prefixes' ? [4, 6] : [undefined];
}

function sideMatches(side: Side, match: Match, family: Family | undefined, numbers: SetNumbers): string[] {
	switch (match.kind) {
		case 'any': {
			return [''];
		}

		case 'set': {
			return [matchSet(side, known(numbers, match.set))];
		}

		case 'prefixes': {
			return match.prefixes.filter(prefix => prefix.family === family).map(prefix => matchPrefix(side, prefix));
		}
	}
}
