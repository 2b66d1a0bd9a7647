/** The flows of a switch's rules are made from those before by what a change touches, and come out as if all had been rendered anew. */
import test from 'ava';
import fc from 'fast-check';
import {byKey, diffTables} from '../../lib/drivers/flow.ts';
import {type FlowState, allFlows, diffFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import {changedRules} from '../../lib/drivers/openflow-rule-flows.ts';
import {compile} from '../../lib/policy/compile.ts';
import type {Inventory} from '../../lib/policy/inventory.ts';
import type {Policy} from '../../lib/policy/model.ts';
import {deleteRules, moveRule} from '../../lib/policy/repository.ts';
import {arbitraryScenario, policyOf} from '../helpers/arbitrary-policy.ts';
import {switchPlan} from '../helpers/plans.ts';

test('random policies, grown line by line, with rules that move and go: the short way and the long way render the same', t => {
	let short = 0;
	fc.assert(fc.property(arbitraryScenario({packets: 1}), fc.array(fc.nat(), {maxLength: 8}), ({lines, policy, blueprint, inventory}, moves) => {
		let current = policy;
		const grown = [...lines.keys()].map(length => policyOf(lines.slice(0, length), blueprint));
		const edited = moves.map(move => {
			current = edit(current, move);
			return current;
		});
		let states = new Map<string, FlowState>();
		for (const each of [...grown, policy, ...edited]) {
			const next = render(each, inventory, states);
			for (const [device, state] of next) {
				const previous = states.get(device) ?? plainSwitch;
				const anew = state.plan ? renderFlows(state.plan, {...previous, plan: undefined}) : state;
				t.deepEqual([...state.rules], [...anew.rules]);
				t.deepEqual(linesOf(diffFlows(previous, state)), linesOf(diffTables(byKey(allFlows(previous)), byKey(allFlows(state)))));
				short += previous.plan && state.rules !== previous.rules && [...state.rules].some(([id, flows]) => previous.rules.get(id) === flows) ? 1 : 0;
			}

			states = next;
		}
	}), {numRuns: 40});
	t.true(short > 50, `the short way was taken ${short} times`);
});

test('a rule more and a rule less leave the flows of the others alone, and a change elsewhere leaves all', t => {
	const plan = switchPlan({rules: ['1: allow any to 10.0.0.1', '2: deny any to 10.0.0.2', '3: allow any to any']});
	const without = (...ids: readonly number[]) => ({...plan, rules: plan.rules.filter(({id}) => !ids.includes(id))});
	const two = renderFlows(without(2), plainSwitch);
	const three = renderFlows(plan, two);
	t.deepEqual([...three.rules].map(([id, flows]) => [id, two.rules.get(id) === flows]), [[1, true], [2, false], [3, true]]);
	const one = renderFlows(without(1, 2), three);
	t.deepEqual([one.rules.has(1), one.rules.has(3), one.rules.get(3) === three.rules.get(3)], [false, true, true]);
	t.is(renderFlows({...plan, rules: [...plan.rules], ports: [...plan.ports, 99]}, three).rules, three.rules);
});

test('rules that change on both sides of one that stays do not make it one of those that change', t => {
	const plan = switchPlan({rules: ['1: allow any to 10.0.0.1', '2: deny any to 10.0.0.2', '3: allow any to any', '4: deny any to 10.0.0.4', '5: deny any to 10.0.0.5']});
	const only = (...ids: readonly number[]) => ({...plan, rules: ids.flatMap(id => plan.rules.find(rule => rule.id === id) ?? [])});
	const before = renderFlows(only(1, 2, 3), plainSwitch);
	const after = renderFlows(only(4, 2, 5), before);
	t.deepEqual(changedRules(before.rules, after.rules).map(flows => [...new Set(Array.from(flows.values(), ({rule}) => rule))]), [[1, 3], [4, 5]]);
});

function edit(policy: Policy, move: number): Policy {
	const [rule, other] = [move, move >> 3].map(at => policy.rules[at % policy.rules.length]);
	if (!rule || !other) {
		return policy;
	}

	return rule === other || move % 2 === 0 ? deleteRules(policy, [rule.id]) : moveRule(policy, rule.id, {side: 'before', rule: other.id});
}

function render(policy: Policy, inventory: Inventory, states: ReadonlyMap<string, FlowState>): Map<string, FlowState> {
	const plans = [...compile(policy, inventory).devices.values()].filter(({kind}) => kind === 'switch');
	return new Map(plans.map(plan => [plan.device, renderFlows(plan, states.get(plan.device) ?? plainSwitch)]));
}

function linesOf(changes: ReadonlyArray<{readonly line: string}>): string[] {
	return changes.map(({line}) => line).sort();
}
