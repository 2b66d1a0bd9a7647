/** Questions to a policy: its groups, address sets and rules by name and number, in the order listings show them. */
import {InputError} from '../util/errors.ts';
import {sortNames, unknownName} from '../util/names.ts';
import {compareMembers} from './member.ts';
import type {IpgMember, Policy, Rule} from './model.ts';

/** @throws InputError `unknown-rule` */
export function ruleOf(policy: Policy, id: number): Rule {
	const rule = policy.rules.find(candidate => candidate.id === id);
	if (!rule) {
		const known = policy.rules.map(other => String(other.id));
		const list = known.length > 0 ? `There are ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}; secrule list shows them` : 'There are no rules yet';
		throw new InputError('unknown-rule', `There is no rule ${id}. ${list}.`, {expected: ['rule id'], nearest: known.filter(other => Math.abs(Number(other) - id) <= 1)});
	}

	return rule;
}

/** All groups with their sizes, by name in natural order. */
export function listGroups({groups}: Policy): Array<{readonly name: string; readonly size: number}> {
	return sortNames(groups.keys()).map(name => ({name, size: groups.get(name)?.size ?? 0}));
}

/** The hosts of a group in natural order. @throws InputError `unknown-group` */
export function groupMembers(policy: Policy, name: string): string[] {
	return sortNames(membersOf(policy, name));
}

/** The groups a host is in, in natural order. */
export function groupsOf({groups}: Policy, host: string): string[] {
	return sortNames([...groups].filter(([, members]) => members.has(host)).map(([name]) => name));
}

/** The names of all address sets in natural order. */
export function listIpgs({ipgs}: Policy): string[] {
	return sortNames(ipgs.keys());
}

/** The members of an address set as text, by address, exclusions last. @throws InputError `unknown-ipg` */
export function ipgMembers(policy: Policy, name: string): string[] {
	return [...membersOfIpg(policy, name)].sort(compareMembers).map(({text}) => text);
}

/** The rules that name the group or the IPG, in evaluation order. */
export function rulesUsing({rules}: Policy, name: string): Rule[] {
	return rules.filter(({from, to}) => [from, to].some(peer => (peer.kind === 'group' || peer.kind === 'ipg') && peer.name === name));
}

/** The hosts of a group as a set. @throws InputError `unknown-group` */
export function membersOf({groups}: Policy, name: string): ReadonlySet<string> {
	const members = groups.get(name);
	if (!members) {
		throw unknownName('group', name, groups.keys());
	}

	return members;
}

/** The members of an address set as the user gave them, in that order. @throws InputError `unknown-ipg` */
export function membersOfIpg({ipgs}: Policy, name: string): readonly IpgMember[] {
	const members = ipgs.get(name);
	if (!members) {
		throw unknownName('ipg', name, ipgs.keys());
	}

	return members;
}
