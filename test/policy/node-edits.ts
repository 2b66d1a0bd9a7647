/** Nodes that come and go: whose names are free, whose bindings go, and which rules are in the way. */
import test from 'ava';
import {forgetNodes, refuseNamesakes} from '../../lib/policy/node-edits.ts';
import {policyOf} from '../helpers/arbitrary-policy.ts';
import {secureNet, sketch} from '../helpers/blueprints.ts';

const network = sketch(secureNet);
const policy = policyOf(['h10 bind web db', 'h11 bind web', 'ipg add office 10.1.0.0/16', 'secrule service add ssh tcp/22'], network);
const ruled = policyOf(['h10 bind web', 'secrule add allow web to h20', 'secrule add deny h21 to not h30'], network);

test('hosts leave their groups, which stay', t => {
	const {groups} = forgetNodes(policy, ['h10']);
	t.deepEqual([...groups], [['web', new Set(['h11'])], ['db', new Set()]]);
	t.is(forgetNodes(policy, ['h20', 'h30']), policy);
	t.is(groups.get('web')?.size, 1);
	t.is(forgetNodes(policy, ['h11']).groups.get('db'), policy.groups.get('db'));
});

for (const name of ['h20', 'h21', 'h30']) {
	test(`a rule that names ${name} keeps it`, t => {
		t.throws(() => forgetNodes(ruled, ['h10', name]), {code: 'in-use', message: new RegExp(`^Node ${name} is used by rule`)});
	});
}

test('what the policy names cannot be a node', t => {
	for (const [name, kind] of [['web', 'a group'], ['office', 'an IPG'], ['ssh', 'a service']] as const) {
		t.throws(() => {
			refuseNamesakes(policy, ['h99', name]);
		}, {code: 'name-taken', message: new RegExp(`^"${name}" already names ${kind};`)});
	}

	t.notThrows(() => {
		refuseNamesakes(policy, ['h99']);
	});
});
