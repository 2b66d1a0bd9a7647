/** Questions to a policy: its groups, address sets, services and rules by name and number, in the order listings show them. */
import {InputError} from '../util/errors.ts';
import {sortNames, unknownName} from '../util/names.ts';
import {compareMembers} from './member.ts';
import type {IpgMember, Policy, Rule, ServicePorts} from './model.ts';
import {namedPeers} from './peer.ts';
import {portsText} from './ports.ts';

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

/** All services with what they stand for, such as `tcp/80` and `udp/{53,5353}`, by name in natural order. */
export function listServices({services}: Policy): Array<{readonly name: string; readonly ports: readonly string[]}> {
	return sortNames(services.keys()).map(name => ({name, ports: (services.get(name) ?? []).map(servicePortsText)}));
}

export function servicePortsText({protocol, dport}: ServicePorts): string {
	return `${protocol}/${portsText(dport)}`;
}

/** The rules that name the group, the IPG or the service, in evaluation order. */
export function rulesUsing({rules}: Policy, name: string): Rule[] {
	return rules.filter(rule => namesIn(rule).includes(name));
}

/** The rules that name the node, in evaluation order. */
export function rulesNaming({rules}: Policy, node: string): Rule[] {
	return rules.filter(({from, to}) => [from, to].flatMap(namedPeers).some(({kind, name}) => kind === 'node' && name === node));
}

/** What a rule names: they share one name space, so a name means one thing. Nodes are left out: they are no part of a policy. */
function namesIn({from, to, traffic}: Rule): string[] {
	const peers = [from, to].flatMap(namedPeers).filter(({kind}) => kind !== 'node').map(({name}) => name);
	return traffic.kind === 'services' ? [...peers, ...traffic.names] : peers;
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
		throw unknownName('IPG', name, ipgs.keys());
	}

	return members;
}

/** What a service stands for. @throws InputError `unknown-service` */
export function portsOf({services}: Policy, name: string): readonly ServicePorts[] {
	const ports = services.get(name);
	if (!ports) {
		throw unknownName('service', name, services.keys());
	}

	return ports;
}
