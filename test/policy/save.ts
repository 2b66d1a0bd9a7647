import test from 'ava';
import fc from 'fast-check';
import {type Policy, emptyPolicy} from '../../lib/policy/model.ts';
import {replacePolicy} from '../../lib/policy/replace.ts';
import {addGroup, addIpg, addRule, addService, bind, deleteRules, moveRule, setMode, setRevocation} from '../../lib/policy/repository.ts';
import {policyLines} from '../../lib/policy/save.ts';
import {parseMember} from '../../lib/policy/member.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';
import {runPolicyLines} from '../helpers/policy-lines.ts';
import {arbitraryPorts, arbitraryRule} from '../helpers/arbitrary-rule.ts';
import {nodes} from '../helpers/sentences.ts';

/** A policy in which everything has an order of its own, so that equal ones are deeply equal; ids are left out. */
function told({groups, ipgs, services, rules, isolation, revocation, stateful}: Policy): unknown {
	const sorted = <Value>(map: ReadonlyMap<string, Value>) => [...map].sort(([a], [b]) => a < b ? -1 : 1);
	return {
		groups: sorted(groups).map(([name, members]) => [name, [...members].sort()]),
		ipgs: sorted(ipgs).map(([name, members]) => [name, members.map(({text}) => text).sort()]),
		services: sorted(services),
		rules: rules.map(rule => ({...rule, id: 0})),
		isolation,
		revocation,
		stateful,
	};
}

const members = ['10.0.0.0/8', '!10.0.0.9', '10.1.0.1-10.1.0.7', 'fd00::/64', '!fd00::1-fd00::5', '0.0.0.0/0'];
const edit: fc.Arbitrary<(policy: Policy) => Policy> = fc.oneof(
	{weight: 6, arbitrary: arbitraryRule.map(rule => (policy: Policy) => addRule(policy, rule, nodes))},
	fc.tuple(fc.constantFrom('h1', 'h2', 'h10'), fc.subarray(['sg1', 'sg2', 'red'], {minLength: 1})).map(([host, groups]) => (policy: Policy) => bind(policy, nodes, host, groups)),
	fc.tuple(fc.constantFrom('office', 'other'), fc.subarray(members)).map(([name, texts]) => (policy: Policy) => addIpg(policy, nodes, name, texts.flatMap(splitWords).map(parseMember))),
	fc.tuple(fc.constantFrom('web', 'mail'), fc.constantFrom('tcp' as const, 'udp' as const), arbitraryPorts).map(([name, protocol, dport]) => (policy: Policy) => addService(policy, nodes, name, [{protocol, dport}])),
	fc.boolean().map(stateful => (policy: Policy) => setMode(policy, stateful)),
	fc.constantFrom('cut' as const, 'keep' as const).map(revocation => (policy: Policy) => setRevocation(policy, revocation)),
);

/** Policies in which sg1, sg2, office, web and dns exist. */
const arbitraryPolicy: fc.Arbitrary<Policy> = fc.array(edit, {maxLength: 25}).map(edits => {
	let policy = ['sg1', 'sg2'].reduce((now, name) => addGroup(now, nodes, name), emptyPolicy('bound'));
	policy = addIpg(policy, nodes, 'office', []);
	policy = ['web', 'dns'].reduce((now, name) => addService(now, nodes, name, [{protocol: 'udp', dport: [{first: 53, last: 53}]}]), policy);
	return edits.reduce((now, make) => {
		try {
			return make(now);
		} catch (error) {
			if (error instanceof InputError) {
				return now;
			}

			throw error;
		}
	}, policy);
});

test('a policy that is saved and loaded is the same, ids aside', t => {
	fc.assert(fc.property(arbitraryPolicy, policy => {
		t.deepEqual(told(runPolicyLines(policyLines(policy), nodes)), told(policy));
	}), {numRuns: 300});
});

test('the lines of a policy build it on one whose mode is another', t => {
	fc.assert(fc.property(arbitraryPolicy, policy => {
		const other = {...emptyPolicy('bound'), stateful: false, revocation: 'keep' as const};
		t.deepEqual(told(runPolicyLines(policyLines(policy), nodes, other)), told(policy));
	}), {numRuns: 100});
});

test('what is loaded is what was saved, and keeps the ids and the objects of what stands in both', t => {
	fc.assert(fc.property(arbitraryPolicy, policy => {
		const loaded = replacePolicy(policy, runPolicyLines(policyLines(policy), nodes));
		t.deepEqual(loaded.rules, policy.rules);
		t.deepEqual([loaded.rules === policy.rules, loaded.groups === policy.groups, loaded.services === policy.services, loaded.nextId], [true, true, true, policy.nextId]);
	}), {numRuns: 100});
});

test('new rules get ids that were never used, old ones keep theirs', t => {
	const rule = (name: string) => ({action: 'allow', from: {kind: 'any'}, to: {kind: 'any'}, name} as const);
	const made = ['a1', 'a2', 'a3'].reduce((policy, name) => addRule(policy, rule(name), nodes), emptyPolicy('none'));
	const current = deleteRules(made, [3]);
	const next = ['a3', 'a2', 'a4'].reduce((policy, name) => addRule(policy, rule(name), nodes), emptyPolicy('bound'));
	const loaded = replacePolicy(current, next);
	t.deepEqual(loaded.rules.map(({id, name}) => [id, name]), [[4, 'a3'], [2, 'a2'], [5, 'a4']]);
	t.deepEqual([loaded.nextId, loaded.isolation], [6, 'none']);
	t.deepEqual(replacePolicy(made, moveRule(made, 3, {side: 'before', rule: 1})).rules.map(({id}) => id), [3, 1, 2]);
});

test('the lines of a policy, as a person reads them', t => {
	const lines = [
		'mode stateless',
		'secrule revoke keep',
		'sg add idle',
		'h1 bind sg1 sg2',
		'h10 bind sg1',
		'secrule ipg add empty',
		'secrule ipg add office 10.0.0.0/8 fd00::/64 !10.1.0.1-10.1.0.7',
		'secrule service add web tcp/{80,443} udp/443',
		'secrule add deny not (sg1, 10.0.0.0/8) to any stateful prio 5 log "who" name first',
		'secrule add allow sg1 to office service web stateless',
	];
	t.deepEqual(policyLines(runPolicyLines(lines, nodes)), lines);
	t.deepEqual(policyLines(emptyPolicy('bound')), ['mode stateful', 'secrule revoke cut']);
});
