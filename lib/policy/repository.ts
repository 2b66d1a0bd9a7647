/** Edits of a policy: each takes one and returns the next, or refuses with an InputError; an edit that changes nothing returns the same policy. */
import {InputError} from '../util/errors.ts';
import {nearestNames, unknownName} from '../util/names.ts';
import {groupMembers, groupsOf, ipgMembers, membersOf, membersOfIpg} from './listing.ts';
import {memberKey} from './member.ts';
import type {IpgMember, Policy, Revocation} from './model.ts';
import {namesOf, refuseUnlessFree} from './names.ts';
import type {Nodes} from './names.ts';
import {refuseNone, refuseUsed, without} from './edits.ts';

export {replacePolicy} from './replace.ts';
export {addRule, clearRules, deleteRules, moveRule} from './rule-edits.ts';
export {addService, deleteService} from './service-edits.ts';

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

/** What later rules are that do not say whether they are stateful. The rules there are stay what they are. */
export function setMode(policy: Policy, stateful: boolean): Policy {
	return policy.stateful === stateful ? policy : {...policy, stateful};
}

/** What becomes of open connections that a change no longer allows. */
export function setRevocation(policy: Policy, revocation: Revocation): Policy {
	return policy.revocation === revocation ? policy : {...policy, revocation};
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

function withGroup(policy: Policy, name: string, members: ReadonlySet<string>): Policy {
	return {...policy, groups: new Map(policy.groups).set(name, members)};
}

function withIpg(policy: Policy, name: string, members: readonly IpgMember[]): Policy {
	return {...policy, ipgs: new Map(policy.ipgs).set(name, members)};
}
