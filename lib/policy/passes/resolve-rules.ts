/** Pass 3: what each rule means now, as addresses, sets and traffic: nodes and services are written out, groups, IPGs and lists keep their names. */
import type {FilterRule, Match} from '../filter-rule.ts';
import {sentence} from '../grammar.ts';
import type {Peer, Policy, Rule, ServicePorts} from '../model.ts';
import {trafficMatches} from '../traffic.ts';
import type {Draft} from './draft.ts';
import {remember, sameItems} from './memo.ts';
import {sideOf} from './sides.ts';

export function resolveRules(draft: Draft): Draft {
	const {policy: {rules, services}, memo} = draft;
	const resolved = remember(memo.resolved, rules, () => ({services, rules: rules.map(rule => resolve(rule, draft))}), known => known.services === services);
	return {...draft, rules: resolved.rules};
}

function resolve(rule: Rule, draft: Draft): FilterRule {
	const {policy, memo} = draft;
	const ports = portsOf(rule, policy);
	const known = memo.rules.get(rule);
	return remember(memo.rules, rule, () => ({ports, rule: unlessSame(filterRule(rule, draft), known?.rule)}), ({ports: before}) => sameItems(before, ports)).rule;
}

/** Services that change may come to the same ports, united. Nothing else of a rule's meaning can have changed. */
function unlessSame(next: FilterRule, known: FilterRule | undefined): FilterRule {
	return known && JSON.stringify(known.traffic) === JSON.stringify(next.traffic) ? known : next;
}

/** What else than itself a rule's meaning follows from. */
function portsOf({traffic}: Rule, {services}: Policy): ReadonlyArray<readonly ServicePorts[] | undefined> {
	return traffic.kind === 'services' ? traffic.names.map(name => services.get(name)) : none;
}

const none: readonly undefined[] = [];

function filterRule(rule: Rule, {policy, inventory, memo}: Draft): FilterRule {
	const matchOf = (peer: Peer): Match => remember(memo.sides, peer, () => sideOf(peer, inventory)).match;
	return {
		id: rule.id,
		sentence: sentence(rule),
		action: rule.action,
		from: matchOf(rule.from),
		to: matchOf(rule.to),
		traffic: trafficMatches(rule.traffic, policy.services),
		stateful: rule.stateful,
		...(rule.log ? {log: rule.log} : {}),
		...(rule.rate ? {rate: rule.rate} : {}),
	};
}
