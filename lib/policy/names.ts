/** The one name space of nodes, groups, address sets (IPGs), services and rules: what a name means now, and which names are still free. */
import type {NodeKind} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import {namePattern, printable} from '../util/names.ts';
import {isReserved} from '../util/reserved.ts';
import type {Policy} from './model.ts';
import type {PortNames} from './port-names.ts';

/** The nodes of a network by name; `Blueprint.nodes` is one. */
export type Nodes = ReadonlyMap<string, {readonly kind: NodeKind}>;

/** Every name a sentence may use. */
export type Names = Pick<Policy, 'groups' | 'ipgs' | 'services' | 'rules'> & {
	readonly nodes: Nodes;
	/** Default: those that everybody knows. */
	readonly ports?: PortNames;
};

/** What a policy gives names to. */
export type Named = 'group' | 'IPG' | 'service' | 'rule';

/** Longest name that a policy gives, as long as one label of a domain name (RFC 1035, 2.3.4). */
export const nameLimit = 63;

export function namesOf({groups, ipgs, services, rules}: Policy, nodes: Nodes): Names {
	return {nodes, groups, ipgs, services, rules};
}

/** What a name stands for. Undefined when it is free. */
export function meaningOf({nodes, groups, ipgs, services, rules}: Names, name: string): Named | NodeKind | undefined {
	if (groups.has(name)) {
		return 'group';
	}

	if (ipgs.has(name)) {
		return 'IPG';
	}

	if (services.has(name)) {
		return 'service';
	}

	return nodes.get(name)?.kind ?? (rules.some(rule => rule.name === name) ? 'rule' : undefined);
}

/**
Refuses a name that cannot become what it should.

@throws InputError `name` when it is malformed, `reserved-name` for a word of the prompt or the grammar, `name-taken` when something has it already
*/
export function refuseUnlessFree(names: Names, kind: Named | NodeKind, name: string): void {
	if (!namePattern.test(name) || name.length > nameLimit) {
		throw new InputError('name', `"${printable(name)}" cannot name ${articled(kind)}. Use a letter, then letters, digits, - or _, at most ${nameLimit} in all.`, {expected: ['name']});
	}

	if (isReserved(name)) {
		throw new InputError('reserved-name', `"${name}" is a word of the prompt and cannot name ${articled(kind)}. Choose another name, such as ${name}1.`, {expected: ['name']});
	}

	const taken = meaningOf(names, name);
	if (taken) {
		throw new InputError('name-taken', `"${name}" already names ${articled(taken)}; nodes, groups, IPGs, services and rules share one name space. Choose another name for the ${kind}.`, {expected: ['free name']});
	}
}

function articled(kind: string): string {
	return `${kind === 'IPG' ? 'an' : 'a'} ${kind}`;
}
