/** The one name space of nodes, groups and address sets (IPGs): what a name means now, and which names are still free. */
import type {NodeKind} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import {namePattern, printable} from '../util/names.ts';
import {isReserved} from '../util/reserved.ts';
import type {Policy} from './model.ts';

/** The nodes of a network by name; `Blueprint.nodes` is one. */
export type Nodes = ReadonlyMap<string, {readonly kind: NodeKind}>;

/** Every name a rule may use. */
export type Names = {
	readonly nodes: Nodes;
	readonly groups: Policy['groups'];
	readonly ipgs: Policy['ipgs'];
};

/** Longest name of a group or an IPG, as long as one label of a domain name (RFC 1035, 2.3.4). */
export const nameLimit = 63;

export function namesOf(policy: Policy, nodes: Nodes): Names {
	return {nodes, groups: policy.groups, ipgs: policy.ipgs};
}

/** What a name stands for: `group`, `IPG` or the kind of node. Undefined when it is free. */
export function meaningOf({nodes, groups, ipgs}: Names, name: string): 'group' | 'IPG' | NodeKind | undefined {
	if (groups.has(name)) {
		return 'group';
	}

	return ipgs.has(name) ? 'IPG' : nodes.get(name)?.kind;
}

/**
Refuses a name that cannot become a group or an IPG.

@throws InputError `name` when it is malformed, `reserved-name` for a word of the prompt or the grammar, `name-taken` when something has it already
*/
export function refuseUnlessFree(names: Names, kind: 'group' | 'IPG', name: string): void {
	if (!namePattern.test(name) || name.length > nameLimit) {
		throw new InputError('name', `"${printable(name)}" cannot name ${articled(kind)}. Use a letter, then letters, digits, - or _, at most ${nameLimit} in all.`, {expected: ['name']});
	}

	if (isReserved(name)) {
		throw new InputError('reserved-name', `"${name}" is a word of the prompt and cannot name ${articled(kind)}. Choose another name, such as ${name}1.`, {expected: ['name']});
	}

	const taken = meaningOf(names, name);
	if (taken) {
		throw new InputError('name-taken', `"${name}" already names ${articled(taken)}; nodes, groups and IPGs share one name space. Choose another name for the ${kind}.`, {expected: ['free name']});
	}
}

function articled(kind: string): string {
	return `${kind === 'IPG' ? 'an' : 'a'} ${kind}`;
}
