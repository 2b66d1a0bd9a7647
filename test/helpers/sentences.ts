/** Names that sentences in tests may use, and how a whole line of the prompt is read, so that columns are those a user sees. */
import test from 'ava';
import {parseRule, readRule} from '../../lib/policy/grammar.ts';
import {type Policy, type RuleParts, emptyPolicy} from '../../lib/policy/model.ts';
import type {Names, Nodes} from '../../lib/policy/names.ts';
import {namesOf} from '../../lib/policy/names.ts';
import {addGroup, addIpg, addRule, addService, bind} from '../../lib/policy/repository.ts';
import {Reader} from '../../lib/policy/reader.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';

export const nodes: Nodes = new Map([['h1', {kind: 'host'}], ['h2', {kind: 'host'}], ['h10', {kind: 'host'}], ['r1', {kind: 'router'}], ['s1', {kind: 'switch'}], ['b1', {kind: 'bridge'}]]);

const any = {kind: 'any'} as const;

/** Groups sg1 (h1) and sg2, the empty IPG office, the services web and dns, rules 1 and 2 (named first). */
export const policy = [
	(now: Policy) => bind(now, nodes, 'h1', ['sg1']),
	(now: Policy) => addGroup(now, nodes, 'sg2'),
	(now: Policy) => addIpg(now, nodes, 'office', []),
	(now: Policy) => addService(now, nodes, 'web', [{protocol: 'tcp', dport: [{first: 80, last: 80}]}]),
	(now: Policy) => addService(now, nodes, 'dns', [{protocol: 'udp', dport: [{first: 53, last: 53}]}]),
	(now: Policy) => addRule(now, {action: 'deny', from: any, to: any}),
	(now: Policy) => addRule(now, {action: 'deny', from: any, to: any, name: 'first'}, nodes),
].reduce((now, edit) => edit(now), emptyPolicy('bound'));

export const names: Names = namesOf(policy, nodes);

/** @param line one that begins with `secrule add` */
export function parse(line: string): RuleParts {
	return parseRule(splitWords(line).slice(2), names, line.length + 1);
}

/** What Tab offers behind the beginning of a sentence. */
export function offeredAfter(text: string): readonly string[] {
	const reader = new Reader(splitWords(text), '');
	try {
		readRule(reader, names);
	} catch (error) {
		if (!(error instanceof InputError)) {
			throw error;
		}
	}

	return reader.offered;
}

export type Mistake = {readonly code: string; readonly column: number; readonly expected?: readonly string[]; readonly nearest?: readonly string[]; readonly says: RegExp};

/** A line with the code, the column and the words of its mistake. */
export const refuses = test.macro({
	title: (_, line: string) => `refuses: ${line}`,
	exec(t, line: string, {code, column, expected, nearest = [], says}: Mistake) {
		const error = t.throws(() => parse(line), {instanceOf: InputError, message: says});
		t.deepEqual([error.code, error.details.column, error.details.nearest ?? []], [code, column, nearest]);
		t.true((error.details.expected?.length ?? 0) > 0);
		if (expected) {
			t.deepEqual(error.details.expected, expected);
		}
	},
});
