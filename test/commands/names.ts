import test from 'ava';
import {commands} from '../../lib/commands/index.ts';
import {completeRule} from '../../lib/policy/grammar.ts';
import {namesOf} from '../../lib/policy/names.ts';
import {isReserved} from '../../lib/util/reserved.ts';
import {splitWords} from '../../lib/util/words.ts';
import {scene} from '../helpers/scene.ts';

/** Words with a place of their own in a line, where a node's or a group's name could stand instead. */
const words = commands.flatMap(({name, aliases = []}) => [name, ...aliases]).filter(name => name !== 'NODE COMMAND').flatMap(name => name.split(' ')).filter(word => word !== 'NODE');

for (const word of new Set(words)) {
	test(`"${word}" is reserved`, t => {
		t.true(isReserved(word));
	});
}

const grammar = ['', 'allow', 'allow any'].flatMap(begun => completeRule(splitWords(begun), {...namesOf(scene.policy, scene.network.nodes), nodes: new Map(), groups: new Map(), ipgs: new Map()}));

test('every word of a rule is reserved', t => {
	t.deepEqual(grammar, ['allow', 'deny', 'any', 'to']);
	t.deepEqual(grammar.filter(word => !isReserved(word)), []);
});

test('no name of a command is the beginning of another', t => {
	const names = commands.flatMap(({name, aliases = []}) => [name, ...aliases]);
	t.deepEqual(names.filter(name => names.some(other => other.startsWith(`${name} `))), []);
});
