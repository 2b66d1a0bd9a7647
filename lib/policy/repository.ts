/** Edits of a policy: each takes one and returns the next, or refuses with an InputError; an edit that changes nothing returns the same policy. */
import {InputError} from '../util/errors.ts';
import {nearestNames, unknownName} from '../util/names.ts';
import {numbered} from './grammar.ts';
import type {RuleParts} from './grammar.ts';
import {groupMembers, groupsOf, ipgMembers, membersOf, membersOfIpg, ruleOf, rulesUsing} from './listing.ts';
import {memberKey} from './member.ts';
import type {IpgMember, Peer, Policy} from './model.ts';
import {namesOf, refuseUnlessFree} from './names.ts';
import type {Nodes} from './names.ts';

/**
Puts a host into groups; a group exists from its first bind on.

@throws InputError `unknown-node`, `not-a-host`, or when a new group's name is not free
*/
export function bind(policy: Policy, nodes: Nodes, host: string, groups: readonly string[]): Policy {
	refuseUnlessHost(nodes, host);
	refuseNone(groups, 'group', `${host} bind GROUP …`);
	for (const name of groups.filter(group => !policy.groups.has(group))) {
		refuseUnlessFree(namesOf(policy, nodes), 'group', name);
	}

	return groups
		.filter(name => !policy.groups.get(name)?.has(host))
		.reduce((next, name) => withGroup(next, name, new Set([...next.groups.get(name) ?? [], host])), policy);
}

/**
Takes a host out of groups; they stay, even when empty.

@throws InputError `unknown-node`, `not-a-host`, `unknown-group`, or `not-a-member`
*/
export function unbind(policy: Policy, nodes: Nodes, host: string, groups: readonly string[]): Policy {
	refuseUnlessHost(nodes, host);
	refuseNone(groups, 'group', `${host} unbind GROUP …`);
	for (const name of groups) {
		if (!membersOf(policy, name).has(host)) {
			const own = groupsOf(policy, host);
			throw new InputError('not-a-member', `${host} is not in group ${name}; it is in ${own.join(', ') || 'no group'}.`, {expected: ['group of the host'], nearest: own});
		}
	}

	return groups.reduce((next, name) => withGroup(next, name, new Set([...membersOf(next, name)].filter(member => member !== host))), policy);
}

/** Declares an empty group. @throws InputError when the name is not free */
export function addGroup(policy: Policy, nodes: Nodes, name: string): Policy {
	refuseUnlessFree(namesOf(policy, nodes), 'group', name);
	return withGroup(policy, name, new Set());
}

/**
Drops a group that nothing uses. One with members is in use: to drop it would open its hosts without a word.

@throws InputError `unknown-group`, `in-use`
*/
export function deleteGroup(policy: Policy, name: string): Policy {
	const members = groupMembers(policy, name);
	refuseUsed(policy, 'group', name);
	if (members.length > 0) {
		throw new InputError('in-use', `Group ${name} still has ${members.join(', ')}. Take every member out first: ${members[0] ?? 'NODE'} unbind ${name}.`, {expected: ['empty group']});
	}

	return {...policy, groups: without(policy.groups, name)};
}

/**
Declares an address set, with members or empty, or adds members to one; members that it has already are passed over.

@throws InputError when the name of a new set is not free, or the set exists and no members are given
*/
export function addIpg(policy: Policy, nodes: Nodes, name: string, members: readonly IpgMember[]): Policy {
	const present = policy.ipgs.get(name);
	if (!present || members.length === 0) {
		refuseUnlessFree(namesOf(policy, nodes), 'IPG', name);
	}

	const next = new Map((present ?? []).map(member => [memberKey(member), member]));
	for (const member of members.filter(candidate => !next.has(memberKey(candidate)))) {
		next.set(memberKey(member), member);
	}

	return present?.length === next.size ? policy : withIpg(policy, name, [...next.values()]);
}

/**
Takes members out of an address set; without members, drops the whole set.

@throws InputError `unknown-ipg`, `in-use`, `not-a-member`
*/
export function deleteIpg(policy: Policy, name: string, members: readonly IpgMember[] = []): Policy {
	const present = membersOfIpg(policy, name);
	if (members.length === 0) {
		refuseUsed(policy, 'IPG', name);
		return {...policy, ipgs: without(policy.ipgs, name)};
	}

	const known = new Set(present.map(memberKey));
	const stranger = members.find(member => !known.has(memberKey(member)));
	if (stranger) {
		throw new InputError('not-a-member', `IPG ${name} has no member ${stranger.text}. Its members: secrule ipg show ${name}.`, {expected: ['member of the IPG'], nearest: nearestNames(stranger.text, ipgMembers(policy, name))});
	}

	const gone = new Set(members.map(memberKey));
	return withIpg(policy, name, present.filter(member => !gone.has(memberKey(member))));
}

/** Puts a rule behind all others; it is the last one of the policy that is returned. @throws InputError when it names a group or an IPG that does not exist */
export function addRule(policy: Policy, {action, from, to}: RuleParts): Policy {
	for (const peer of [from, to]) {
		refuseUnknownPeer(policy, peer);
	}

	return {...policy, rules: [...policy.rules, {id: policy.nextId, action, from, to}], nextId: policy.nextId + 1};
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

function refuseUnlessHost(nodes: Nodes, name: string): void {
	const node = nodes.get(name);
	if (!node) {
		throw unknownName('node', name, nodes.keys());
	}

	if (node.kind !== 'host') {
		throw new InputError('not-a-host', `${name} is a ${node.kind}; only hosts join groups. Name a host; \`nodes\` lists them.`, {expected: ['host']});
	}
}

function refuseNone(given: readonly unknown[], kind: string, usage: string): void {
	if (given.length === 0) {
		throw new InputError('usage', `Name at least one ${kind}: ${usage}.`, {expected: [kind]});
	}
}

function refuseUsed(policy: Policy, kind: 'group' | 'IPG', name: string): void {
	const users = rulesUsing(policy, name);
	if (users.length > 0) {
		throw new InputError('in-use', `${kind === 'IPG' ? 'IPG' : 'Group'} ${name} is used by rule ${users.map(numbered).join(', ')}. Delete the rule first: secrule del ${users.map(({id}) => id).join(' ')}.`, {expected: [`unused ${kind}`]});
	}
}

function refuseUnknownPeer(policy: Policy, peer: Peer): void {
	if (peer.kind === 'group') {
		membersOf(policy, peer.name);
	} else if (peer.kind === 'ipg') {
		membersOfIpg(policy, peer.name);
	}
}

function withGroup(policy: Policy, name: string, members: ReadonlySet<string>): Policy {
	return {...policy, groups: new Map(policy.groups).set(name, members)};
}

function withIpg(policy: Policy, name: string, members: readonly IpgMember[]): Policy {
	return {...policy, ipgs: new Map(policy.ipgs).set(name, members)};
}

function without<Value>(map: ReadonlyMap<string, Value>, name: string): ReadonlyMap<string, Value> {
	return new Map([...map].filter(([key]) => key !== name));
}
