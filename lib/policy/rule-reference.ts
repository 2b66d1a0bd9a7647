/** How lines refer to a rule: by its id or by its name. */
import {InputError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import type {Rule} from './model.ts';
import type {Reader} from './reader.ts';

/** @returns the rule's id @throws InputError `unknown-rule` */
export function readRuleReference(reader: Reader, rules: readonly Rule[]): number {
	const known = ruleReferences(rules);
	const {text, column} = reader.take(['rule id', 'rule name'], () => known);
	const rule = rules.find(({id, name}) => String(id) === text || name === text);
	if (!rule) {
		const {nearest, hint} = nearestTo(text, known);
		const next = rules.length > 0 ? `${hint} "secrule list" shows them all.` : ' There are no rules yet.';
		throw new InputError('unknown-rule', `There is no rule "${printable(text)}".${next}`, {column, expected: ['rule id', 'rule name'], nearest});
	}

	return rule.id;
}

/** Every word that refers to a rule, names after ids. */
export function ruleReferences(rules: readonly Rule[]): string[] {
	return [...rules.map(({id}) => String(id)), ...rules.flatMap(({name}) => name ?? [])];
}
