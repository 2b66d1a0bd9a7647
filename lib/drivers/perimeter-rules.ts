/** A rule as lines of a perimeter router: who and what it matches, then the chains that hold its rate and its log, then its verdict. */
import type {Family} from '../util/address.ts';
import type {FilterRule, Match} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import {chains, inSet, line} from './chain-line.ts';
import type {ChainLine, Condition, Side, Target} from './chain-line.ts';

const rendered: Readonly<Record<Family, WeakMap<FilterRule, readonly ChainLine[]>>> = {4: new WeakMap(), 6: new WeakMap()};

/** A line for each of its kinds of traffic in the family; none for a rule that names only addresses or traffic of the other family. The same rule has the very same lines. */
export function ruleLines(rule: FilterRule, family: Family): readonly ChainLine[] {
	return remember(rendered[family], rule, () => renderRule(rule, family));
}

function renderRule(rule: FilterRule, family: Family): ChainLine[] {
	const {entry, label, counts, lines} = stagesOf(rule);
	const sides = [sideConditions(rule.from, 'src', family), sideConditions(rule.to, 'dst', family)];
	if (sides.includes(undefined) || (rule.family ?? family) !== family) {
		return [];
	}

	const opening: readonly Condition[] = rule.action === 'allow' && rule.stateful ? [{kind: 'noted', noted: false}] : [];
	const matches = trafficConditions(rule.traffic, family).map(traffic =>
		line(chains.judge, [...sides.flatMap(side => side ?? []), ...traffic, ...opening], entry, label, rule.sentence, counts ? rule.id : undefined));
	return matches.length === 0 ? [] : [...matches, ...lines];
}

type Stages = {
	/** Where its packets go first. */
	readonly entry: Target;
	/** Of the lines that send them there, and whether those count its hits. */
	readonly label: string;
	readonly counts: boolean;
	readonly lines: readonly ChainLine[];
};

/** A rule's packets go straight to its verdict, or through chains of its own that hold its rate, one for all its lines, and its log. */
function stagesOf(rule: FilterRule): Stages {
	const {id, sentence, log, rate} = rule;
	const [counted, logChain, rateChain] = [hitsLabel(id), `PFW-LOG-${id}`, `PFW-RATE-${id}`];
	const verdict = verdictOf(rule);
	const logged: Target = log ? {chain: logChain} : verdict;
	const limit: Condition[] = rate ? [{kind: 'rate', rule: id, rate}] : [];
	const lines = [
		...rate ? [
			line(rateChain, limit, logged, log ? `${counted} within rate` : counted, sentence, log ? undefined : id),
			line(rateChain, [], 'drop', `${counted} over rate`, `over the rate: ${sentence}`),
		] : [],
		...log ? [
			line(logChain, [], {log: counted}, `${counted} log`, `logged: ${sentence}`),
			line(logChain, [], verdict, counted, sentence, id),
		] : [],
	];
	return {entry: rate ? {chain: rateChain} : logged, label: lines.length > 0 ? `${counted} match` : counted, counts: lines.length === 0, lines};
}

function verdictOf({action, stateful}: FilterRule): Target {
	switch (action) {
		case 'allow':
			return stateful ? {chain: chains.allow} : 'accept';
		case 'deny':
			return 'drop';
		case 'reject':
			return {chain: chains.reject};
	}
}

/** Label of the lines that count a rule's hits. */
function hitsLabel(rule: number): string {
	return `secrule:${rule}`;
}

/** Undefined when no address of the family matches. */
function sideConditions(match: Match, side: Side, family: Family): Condition[] | undefined {
	switch (match.kind) {
		case 'any': {
			return [];
		}

		case 'set': {
			return [inSet(match.set, side, match.negated)];
		}

		case 'prefixes': {
			const prefixes = match.prefixes.filter(prefix => prefix.family === family);
			return prefixes.length === 0 ? undefined : prefixes.some(({length}) => length === 0) ? [] : [{kind: 'prefixes', side, prefixes}];
		}
	}
}

/** Protocol 0 of IPv6 is an extension header, behind which the protocol stands. */
function trafficConditions(traffic: FilterRule['traffic'], family: Family): Condition[][] {
	return traffic === undefined ? [[]] : traffic.filter(one => one.family === family && (family === 4 || one.protocol !== 0)).map(one => [{kind: 'traffic', traffic: one}]);
}
