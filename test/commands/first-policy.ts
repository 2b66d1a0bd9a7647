/** The policy that a topology begins with: read before anything starts, with all mistakes at once. */
import test from 'ava';
import {firstPolicy} from '../../lib/commands/first-policy.ts';
import {policyLines} from '../../lib/policy/save.ts';
import {sketch} from '../helpers/blueprints.ts';

const blueprint = sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1', {settings: {isolation: 'all'}});

test('its lines are those of the prompt, one after the other', t => {
	const lines = ['h1 bind web', 'mode stateless', 'secrule add allow any to web tcp dport 80'];
	const policy = firstPolicy({name: 'sketch', policy: lines}, blueprint);
	t.is(policy.isolation, 'all');
	t.deepEqual(policy.rules.map(({id, stateful}) => ({id, stateful})), [{id: 1, stateful: false}]);
	t.true(policyLines(policy).includes('h1 bind web'));
});

test('no lines make an empty policy', t => {
	t.deepEqual(firstPolicy({name: 'sketch', policy: []}, blueprint).rules, []);
});

test('every line that is wrong is told, and one that does more than change the policy', t => {
	const error = t.throws(() => firstPolicy({name: 'sketch', policy: ['secrule add allow h1 to h9', 'h1 bind web', 'pingall']}, blueprint), {code: 'policy'});
	t.regex(error.message, /^The policy of topology sketch has mistakes:\n {2}secrule add allow h1 to h9: There is no .*"h9".*\n {2}pingall: "pingall" does not change the policy, or not only that\./s);
	t.false(error.message.includes('h1 bind web:'));
});
