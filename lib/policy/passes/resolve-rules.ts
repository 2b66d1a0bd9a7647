/** Pass 2: what each rule means now, as addresses and sets: nodes are written out, groups and IPGs keep their names. */
import type {FilterRule, Match} from '../filter-rule.ts';
import {sentence} from '../grammar.ts';
import type {Inventory} from '../inventory.ts';
import type {Peer, Rule} from '../model.ts';
import {singlePrefixes} from './address-set.ts';
import type {Draft} from './draft.ts';
import {remember} from './memo.ts';
import {setName} from './name-sets.ts';

export function resolveRules(draft: Draft): Draft {
	const {policy, inventory, memo} = draft;
	return {...draft, rules: policy.rules.map(rule => remember(memo.rules, rule, () => filterRule(rule, inventory)))};
}

function filterRule(rule: Rule, inventory: Inventory): FilterRule {
	return {
		id: rule.id,
		sentence: sentence(rule),
		action: rule.action,
		from: matchOf(rule.from, inventory),
		to: matchOf(rule.to, inventory),
	};
}

function matchOf(peer: Peer, {hosts, routers}: Inventory): Match {
	switch (peer.kind) {
		case 'any':
			return {kind: 'any'};
		case 'group':
		case 'ipg':
			return {kind: 'set', set: setName(peer)};
		case 'node':
			return {kind: 'prefixes', prefixes: singlePrefixes((hosts.get(peer.name) ?? routers.get(peer.name))?.addresses ?? [])};
		case 'prefix':
			return {kind: 'prefixes', prefixes: [peer.prefix]};
	}
}
