/** The rules of a policy as flows: their priorities, and one final flow each where their clauses allow it. */
import type {Family, Prefix} from '../util/address.ts';
import type {FilterRule, Match} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import type {SetNumbers} from './address-class.ts';
import {dhcpServer} from './dhcp.ts';
import {makeFlow} from './flow.ts';
import type {Flow} from './flow.ts';
import {matchPrefix} from './openflow-classes.ts';
import {combine, groupLists} from './openflow-lists.ts';
import type {Grouped, StrandLists} from './openflow-lists.ts';
import {ruleStages} from './openflow-port-lists.ts';
import type {FlowStyle, RuleStage} from './openflow-port-lists.ts';
import {laterFragments, strandsOf} from './openflow-traffic.ts';
import type {Strand} from './openflow-traffic.ts';
import {goTo, matchFlags, matchSet, priority, setFlag, table} from './pipeline.ts';
import type {Side} from './pipeline.ts';

export type Priorities = ReadonlyMap<number, number>;

/** The priorities of rules, and the numbers of the sets that they name. */
export type Places = {readonly priorities: Priorities; readonly numbers: SetNumbers};

/** The flows of a rule, the same on every switch. */
export function flowsOf({priorities, numbers}: Places, style: FlowStyle): (rule: FilterRule) => readonly Flow[] {
	return rule => rememberedFlows(rule, known(priorities, rule.id), numbers, style);
}

function known<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
	const value = map.get(key);
	if (value === undefined) {
		throw new Error(`The plan names ${String(key)} and does not have it.`);
	}

	return value;
}

/** What passes whatever the policy's rules say. */
export function beforeRules(): Flow[] {
	return dhcpServer.flatMap(toBound);
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

const rendered: {readonly [style in FlowStyle]: WeakMap<FilterRule, Rendered>} = {rules: new WeakMap(), sg: new WeakMap(), fwaas: new WeakMap(), both: new WeakMap()};

function rememberedFlows(rule: FilterRule, at: number, numbers: SetNumbers, style: FlowStyle): readonly Flow[] {
	const own = [rule.from, rule.to].map(side => side.kind === 'set' ? numbers.get(side.set) : undefined);
	return remember(rendered[style], rule, () => ({at, numbers: own, flows: renderRule(rule, at, numbers, style)}),
		known => known.at === at && known.numbers[0] === own[0] && known.numbers[1] === own[1]).flows;
}

/** The matches of a rule, each kind with what becomes of its packets. */
type Matches = {readonly lists: Grouped; readonly later: readonly string[]};

function renderRule(rule: FilterRule, at: number, numbers: SetNumbers, style: FlowStyle): Flow[] {
	const matches = {
		lists: groupLists(strandsOf(rule).map(strand => listsOf(rule, strand, numbers)), onlyFirst(rule)),
		later: laterFragments(rule).flatMap(strand => combine(listsOf(rule, strand, numbers), onlyFirst(rule))),
	};
	return ruleStages[style].filter(({holds}) => holds(rule)).flatMap(stage => stageFlows(rule, at, matches, stage));
}

/** Each clause narrows the match; a conjunction of the lists where that takes fewer flows than all their combinations. */
function stageFlows(rule: FilterRule, at: number, {lists, later}: Matches, stage: RuleStage): Flow[] {
	const flow = (match: string, actions: string, counts = false) => makeFlow(stage.table, at, match, actions, rule, counts);
	const decided = (match: string) => flow(match, actionsOf(rule, stage), decides(rule, stage));
	return [
		...'whole' in lists
			? lists.whole.map(decided)
			: [
				...lists.dimensions.flatMap((matches, index) => matches.map(match => flow(match, `conjunction(${rule.id},${index + 1}/${lists.dimensions.length})`))),
				decided(`conj_id=${rule.id}`),
			],
		...later.map(match => flow(match, goTo(stage.table, stage.allowed))),
	];
}

/** A connection is allowed by its first packet: what starts none passes by no stateful rule, and still meets those that deny. */
function onlyFirst({action, stateful}: FilterRule): string {
	return action === 'allow' && stateful ? matchFlags([], ['untracked']) : '';
}

/** Whether a packet that the rule matches in this stage goes to no other: there it is counted, reported and held to the rate, once. */
function decides({action}: FilterRule, {allowed}: RuleStage): boolean {
	return action !== 'allow' || allowed === table.permit;
}

/** What is over the rate goes no further, so it is not reported either. */
function actionsOf(rule: FilterRule, stage: RuleStage): string {
	const {id, rate, log} = rule;
	return decides(rule, stage) ? [...rate ? [`meter:${id}`] : [], ...log ? [report] : [], ...verdictOf(rule, stage)].join(',') || 'drop' : goTo(stage.table, stage.allowed);
}

function verdictOf({action, stateful}: FilterRule, {table: here, allowed}: RuleStage): string[] {
	switch (action) {
		case 'allow':
			return [...stateful ? [] : [setFlag('untracked')], goTo(here, allowed)];
		case 'reject':
			return [setFlag('rejected'), goTo(here, table.defaults)];
		case 'deny':
			return [];
	}
}

/** To whoever listens as a controller: the cookie tells the rule, and that much of the packet tells its addresses, ports and TCP flags. */
const report = 'controller:128';

function listsOf({from, to}: FilterRule, {family, protocol, sports, dports}: Strand, numbers: SetNumbers): StrandLists {
	return {family, protocol, lists: [sideMatches('source', from, family, numbers), sideMatches('destination', to, family, numbers), sports, dports]};
}

function sideMatches(side: Side, match: Match, family: Family | undefined, numbers: SetNumbers): string[] {
	switch (match.kind) {
		case 'any': {
			return [''];
		}

		case 'set': {
			return [matchSet(side, known(numbers, match.set), match.negated)];
		}

		case 'prefixes': {
			return match.prefixes.filter(prefix => prefix.family === family).map(prefix => addressField(side, prefix));
		}
	}
}

/** Without the family, which the strand tells. */
function addressField(side: Side, prefix: Prefix): string {
	return matchPrefix(side, prefix).split(',')[1] ?? '';
}
