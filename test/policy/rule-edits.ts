import test from 'ava';
import fc from 'fast-check';
import type {Policy, RuleParts} from '../../lib/policy/model.ts';
import {addRule, clearRules, deleteRules, moveRule, setMode} from '../../lib/policy/repository.ts';
import {emptyPolicy} from '../../lib/policy/model.ts';
import {InputError} from '../../lib/util/errors.ts';
import {nodes, policy as known} from '../helpers/sentences.ts';

const any = {kind: 'any'} as const;
const rule = (more: Partial<RuleParts> = {}): RuleParts => ({action: 'allow', from: any, to: any, ...more});

function given(...rules: ReadonlyArray<Partial<RuleParts>>): Policy {
	return rules.reduce((policy, more) => addRule(policy, rule(more), nodes), emptyPolicy('bound'));
}

function order({rules}: Policy): Array<[id: number, prio: number]> {
	return rules.map(({id, prio}) => [id, prio]);
}

test('what a sentence leaves out, the policy decides', t => {
	t.deepEqual(given({}).rules, [{id: 1, action: 'allow', from: any, to: any, traffic: any, stateful: true, prio: 1000}]);
	t.false(addRule(setMode(given({}), false), rule()).rules[1]?.stateful);
	t.true(addRule(setMode(given({}), false), rule({stateful: true})).rules[1]?.stateful);
});

test('rules stand by prio, then as they came', t => {
	t.deepEqual(order(given({}, {prio: 5}, {}, {prio: 5}, {prio: 2000})), [[2, 5], [4, 5], [1, 1000], [3, 1000], [5, 2000]]);
});

test('a rule beside another one takes its prio', t => {
	const policy = given({}, {prio: 5}, {});
	t.deepEqual(order(addRule(policy, rule({place: {side: 'before', rule: 3}}))), [[2, 5], [1, 1000], [4, 1000], [3, 1000]]);
	t.deepEqual(order(addRule(policy, rule({place: {side: 'after', rule: 2}}))), [[2, 5], [4, 5], [1, 1000], [3, 1000]]);
	t.false('place' in (addRule(policy, rule({place: {side: 'after', rule: 2}})).rules[1] ?? {}));
});

test('a rule moves and takes the prio of its new neighbor', t => {
	const policy = given({}, {prio: 5}, {});
	t.deepEqual(order(moveRule(policy, 3, {side: 'before', rule: 2})), [[3, 5], [2, 5], [1, 1000]]);
	t.deepEqual(order(moveRule(policy, 2, {side: 'after', rule: 3})), [[1, 1000], [3, 1000], [2, 1000]]);
	t.deepEqual(order(moveRule(policy, 3, {side: 'before', rule: 1})), [[2, 5], [3, 1000], [1, 1000]]);
});

test('a rule that stays where it is leaves the policy as it is, one that moves within its prio stays the same object', t => {
	const policy = given({}, {}, {});
	t.is(moveRule(policy, 2, {side: 'after', rule: 1}), policy);
	t.is(moveRule(policy, 2, {side: 'before', rule: 3}), policy);
	t.is(moveRule(policy, 3, {side: 'before', rule: 1}).rules[0], policy.rules[2]);
});

test('clear deletes the rules and nothing else', t => {
	const cleared = clearRules(known);
	t.deepEqual(cleared, {...known, rules: []});
	t.is(clearRules(cleared), cleared);
});

test('the order is by prio, whatever edits made it', t => {
	const edit = fc.oneof(
		fc.record({kind: fc.constant('add' as const), prio: fc.nat(3)}),
		fc.record({kind: fc.constantFrom('beside' as const, 'move' as const), a: fc.nat(20), b: fc.nat(20), side: fc.constantFrom('before' as const, 'after' as const)}),
		fc.record({kind: fc.constant('del' as const), a: fc.nat(20)}),
	);
	fc.assert(fc.property(fc.array(edit, {maxLength: 30}), edits => {
		let policy = emptyPolicy('bound');
		for (const one of edits) {
			const idOf = (number: number) => policy.rules[number % Math.max(1, policy.rules.length)]?.id ?? 0;
			try {
				policy = one.kind === 'add' ? addRule(policy, rule({prio: one.prio}))
					: one.kind === 'beside' ? addRule(policy, rule({place: {side: one.side, rule: idOf(one.b)}}))
						: one.kind === 'move' ? moveRule(policy, idOf(one.a), {side: one.side, rule: idOf(one.b)})
							: deleteRules(policy, [idOf(one.a)]);
			} catch (error) {
				t.true(error instanceof InputError);
			}

			t.true(policy.rules.every(({prio}, index) => prio >= (policy.rules[index - 1]?.prio ?? 0)));
			t.is(new Set(policy.rules.map(({id}) => id)).size, policy.rules.length);
		}
	}));
});

const refuses = test.macro({
	title: (_, what: string) => `refuses to ${what}`,
	exec(t, _what: string, edit: () => unknown, code: string, says: RegExp) {
		t.is(t.throws(edit, {instanceOf: InputError, message: says}).code, code);
	},
});

test(refuses, 'add a rule beside an unknown one', () => addRule(known, rule({place: {side: 'after', rule: 9}})), 'unknown-rule', /no rule 9/);
test(refuses, 'move an unknown rule', () => moveRule(known, 9, {side: 'after', rule: 1}), 'unknown-rule', /no rule 9/);
test(refuses, 'move a rule beside an unknown one', () => moveRule(known, 1, {side: 'after', rule: 9}), 'unknown-rule', /no rule 9/);
test(refuses, 'move a rule beside itself', () => moveRule(known, 1, {side: 'after', rule: 1}), 'place', /cannot stand beside itself/);
test(refuses, 'give a rule the name of another', () => addRule(known, rule({name: 'first'}), nodes), 'name-taken', /already names a rule/);
test(refuses, 'give a rule the name of a node', () => addRule(known, rule({name: 'h1'}), nodes), 'name-taken', /already names a host/);
test(refuses, 'add a rule with an unknown service', () => addRule(known, rule({traffic: {kind: 'services', names: ['web', 'mail']}})), 'unknown-service', /no service "mail"/);
test(refuses, 'add a rule with an unknown group in a list', () => addRule(known, rule({to: {kind: 'not', peer: {kind: 'list', peers: [any, {kind: 'group', name: 'sg9'}]}}})), 'unknown-group', /no group "sg9"/);
