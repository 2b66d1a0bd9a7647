/** Edits of the rules: each takes a policy and returns the next, with its rules in evaluation order. */
import {InputError} from '../util/errors.ts';
import {refuseNone} from './edits.ts';
import {membersOf, membersOfIpg, portsOf, ruleOf} from './listing.ts';
import {defaultPrio} from './model.ts';
import type {Peer, Place, Policy, Rule, RuleParts, Traffic} from './model.ts';
import {namesOf, refuseUnlessFree} from './names.ts';
import type {Nodes} from './names.ts';
import {namedPeers} from './peer.ts';

/**
Puts a rule behind those of its prio, or beside the one it names; it gets the policy's `nextId`.

@param nodes whose names a rule cannot have; needed when it has one
@throws InputError when it names a group, an IPG, a service or a rule that does not exist, or its own name is not free
*/
export function addRule(policy: Policy, {place, ...parts}: RuleParts, nodes: Nodes = new Map()): Policy {
	[parts.from, parts.to].forEach(peer => {
		refuseUnknownPeer(policy, peer);
	});
	refuseUnknownServices(policy, parts.traffic);
	if (parts.name !== undefined) {
		refuseUnlessFree(namesOf(policy, nodes), 'rule', parts.name);
	}

	const prio = place ? ruleOf(policy, place.rule).prio : parts.prio ?? defaultPrio;
	const rule: Rule = {traffic: {kind: 'any'}, stateful: policy.stateful, ...parts, prio, id: policy.nextId};
	return {...policy, rules: inserted(policy.rules, rule, place), nextId: policy.nextId + 1};
}

/** Puts a rule right before or behind another one, at its prio. @throws InputError `unknown-rule`, `place` */
export function moveRule(policy: Policy, id: number, place: Place): Policy {
	const rule = ruleOf(policy, id);
	const {prio} = ruleOf(policy, place.rule);
	if (id === place.rule) {
		throw new InputError('place', `Rule ${id} cannot stand beside itself. Name another rule; secrule list shows them.`, {expected: ['id of another rule']});
	}

	const rules = inserted(policy.rules.filter(other => other !== rule), rule.prio === prio ? rule : {...rule, prio}, place);
	return rules.every((other, index) => other === policy.rules[index]) ? policy : {...policy, rules};
}

/** @throws InputError `unknown-rule` when any id names no rule; nothing is deleted then */
export function deleteRules(policy: Policy, ids: readonly number[]): Policy {
	refuseNone(ids, 'rule', 'secrule del ID …');
	for (const id of ids) {
		ruleOf(policy, id);
	}

	const gone = new Set(ids);
	return {...policy, rules: policy.rules.filter(({id}) => !gone.has(id))};
}

/** Deletes all rules. Groups, IPGs and services stay. */
export function clearRules(policy: Policy): Policy {
	return policy.rules.length === 0 ? policy : {...policy, rules: []};
}

function inserted(rules: readonly Rule[], rule: Rule, place: Place | undefined): Rule[] {
	const beside = rules.findIndex(({id}) => id === place?.rule);
	const behind = rules.findIndex(({prio}) => prio > rule.prio);
	const at = place ? beside + (place.side === 'after' ? 1 : 0) : behind < 0 ? rules.length : behind;
	return rules.toSpliced(at, 0, rule);
}

function refuseUnknownPeer(policy: Policy, peer: Peer): void {
	for (const {kind, name} of namedPeers(peer)) {
		if (kind === 'group') {
			membersOf(policy, name);
		} else if (kind === 'ipg') {
			membersOfIpg(policy, name);
		}
	}
}

function refuseUnknownServices(policy: Policy, traffic: Traffic | undefined): void {
	for (const name of traffic?.kind === 'services' ? traffic.names : []) {
		portsOf(policy, name);
	}
}
