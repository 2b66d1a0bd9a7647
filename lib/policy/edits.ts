/** What several edits have in common: they refuse to act on nothing and to drop what rules still name, and they drop one entry of a map. */
import {InputError} from '../util/errors.ts';
import {numbered} from './grammar.ts';
import {rulesNaming, rulesUsing} from './listing.ts';
import type {Policy} from './model.ts';
import type {Named} from './names.ts';

/** @throws InputError `usage` */
export function refuseNone(given: readonly unknown[], kind: string, usage: string): void {
	if (given.length === 0) {
		throw new InputError('usage', `Name at least one ${kind}: ${usage}.`, {expected: [kind]});
	}
}

/** @throws InputError `in-use` */
export function refuseUsed(policy: Policy, kind: Exclude<Named, 'rule'> | 'node', name: string): void {
	const users = kind === 'node' ? rulesNaming(policy, name) : rulesUsing(policy, name);
	if (users.length > 0) {
		const which = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${name}`;
		throw new InputError('in-use', `${which} is used by rule ${users.map(numbered).join(', ')}. Delete the rule first: secrule del ${users.map(({id}) => id).join(' ')}.`, {expected: [`unused ${kind}`]});
	}
}

export function without<Value>(map: ReadonlyMap<string, Value>, name: string): ReadonlyMap<string, Value> {
	return new Map([...map].filter(([key]) => key !== name));
}
