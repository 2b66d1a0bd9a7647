/** A policy as lines of the prompt that build it again on a lab with the same nodes. */
import {sortNames} from '../util/names.ts';
import {sentence} from './grammar.ts';
import {groupsOf, ipgMembers, listGroups, listIpgs, listServices} from './listing.ts';
import type {Policy} from './model.ts';

/** What rules name comes before them. Ids are not kept, order and names are. */
export function policyLines(policy: Policy): string[] {
	const {groups, rules, revocation, stateful} = policy;
	const hosts = sortNames(new Set([...groups.values()].flatMap(members => [...members])));
	return [
		`mode ${stateful ? 'stateful' : 'stateless'}`,
		`secrule revoke ${revocation}`,
		...listGroups(policy).filter(({size}) => size === 0).map(({name}) => `sg add ${name}`),
		...hosts.map(host => `${host} bind ${groupsOf(policy, host).join(' ')}`),
		...listIpgs(policy).map(name => ['secrule ipg add', name, ...ipgMembers(policy, name)].join(' ')),
		...listServices(policy).map(({name, ports}) => ['secrule service add', name, ...ports].join(' ')),
		...rules.map(rule => `secrule add ${sentence(rule, stateful)}`),
	];
}
