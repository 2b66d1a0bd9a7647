/** What nodes that come and go mean for a policy: names that must be free, rules that must not name what is gone, bindings that go with their host. */
import {InputError} from '../util/errors.ts';
import {refuseUsed} from './edits.ts';
import {groupsOf} from './listing.ts';
import type {Policy} from './model.ts';
import {meaningOf, namesOf} from './names.ts';

/** @throws InputError `name-taken` when the policy gives a node's name to something else */
export function refuseNamesakes(policy: Policy, nodes: readonly string[]): void {
	const names = namesOf(policy, new Map());
	for (const name of nodes) {
		const taken = meaningOf(names, name);
		if (taken) {
			throw new InputError('name-taken', `"${name}" already names ${taken === 'IPG' ? 'an' : 'a'} ${taken}; nodes, groups, IPGs, services and rules share one name space. Choose another name for the node.`, {expected: ['free name']});
		}
	}
}

/**
Forgets nodes: hosts leave their groups, which stay, even when empty.

@throws InputError `in-use` when a rule names one: without it the rule would mean something else
*/
export function forgetNodes(policy: Policy, nodes: readonly string[]): Policy {
	for (const name of nodes) {
		refuseUsed(policy, 'node', name);
	}

	const gone = nodes.filter(name => groupsOf(policy, name).length > 0);
	return gone.length === 0 ? policy : {...policy, groups: new Map([...policy.groups].map(([name, members]) =>
		[name, gone.some(host => members.has(host)) ? new Set([...members].filter(member => !gone.includes(member))) : members]))};
}
