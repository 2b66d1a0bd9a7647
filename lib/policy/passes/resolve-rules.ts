/** Pass 3: what each rule means now, as addresses, sets and traffic: nodes and services are written out, groups, IPGs and lists keep their names. Traffic of a family that no host has goes. */
import type {Family} from '../../util/address.ts';
import type {FilterRule} from '../filter-rule.ts';
import {sentence} from '../grammar.ts';
import type {Peer, Policy, Rule, ServicePorts} from '../model.ts';
import {trafficMatches} from '../traffic.ts';
import {updateSpan} from './changed-span.ts';
import type {Draft} from './draft.ts';
import {familiesOfHosts} from './host-addresses.ts';
import {remember, sameItems} from './memo.ts';
import {sideOf} from './sides.ts';
import type {Side} from './sides.ts';

export function resolveRules(draft: Draft): Draft {
	const {policy: {rules, services}, inventory, memo} = draft;
	const known = memo.resolved.get(inventory);
	const work = (rule: Rule): FilterRule => resolve(rule, draft);
	const results = known?.services === services ? updateSpan(known.rules, rules, known.results, work) : rules.map(work);
	memo.resolved.set(inventory, {rules, services, results});
	return {...draft, rules: results};
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

function filterRule(rule: Rule, draft: Draft): FilterRule {
	const [from, to] = [sideFor(rule.from, draft), sideFor(rule.to, draft)];
	const family = [from, to].some(isGroup) ? onlyFamily(draft) : undefined;
	const traffic = trafficMatches(rule.traffic, draft.policy.services);
	return {
		id: rule.id,
		sentence: sentence(rule),
		action: rule.action,
		from: from.match,
		to: to.match,
		traffic: family === undefined ? traffic : traffic?.filter(match => match.family === family),
		...(family === undefined ? {} : {family}),
		stateful: rule.stateful,
		...(rule.log ? {log: rule.log} : {}),
		...(rule.rate ? {rate: rule.rate} : {}),
	};
}

function sideFor(peer: Peer, {inventory, memo}: Draft): Side {
	return remember(memo.sides, peer, () => sideOf(peer, inventory));
}

/** Whether the side stands for addresses of hosts only, whoever they are. */
function isGroup({base, match}: Side): boolean {
	return base.kind === 'group' && match.kind === 'set' && !match.negated;
}

/** The family of all addresses of hosts, when they have one only: half the lines of most rules then need not be. */
function onlyFamily({inventory, memo}: Draft): Family | undefined {
	const [family, ...others] = remember(memo.hostFamilies, inventory, () => familiesOfHosts(inventory));
	return others.length === 0 ? family : undefined;
}
