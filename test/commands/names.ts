import test from 'ava';
import {commands} from '../../lib/commands/index.ts';
import {isReserved} from '../../lib/util/reserved.ts';
import {offeredAfter} from '../helpers/sentences.ts';

/** Words with which a line may begin, where a node's name could stand instead. */
const words = commands.flatMap(({name, aliases = []}) => [name, ...aliases]).map(name => name.split(' ')[0] ?? '').filter(word => word !== 'NODE');

for (const word of new Set(words)) {
	test(`"${word}" is reserved`, t => {
		t.true(isReserved(word));
	});
}

/** Every word of a sentence that could be taken for a name. */
const begun = ['', 'allow', 'allow any', 'allow any to any', 'allow any to any tcp', 'allow any to any icmp', 'allow any to any rate 1/s'];
const ours = ['sg1', 'sg2', 'office', 'h1', 'h2', 'h10', 'r1'];

test('every word of a rule is reserved', t => {
	const words = new Set(begun.flatMap(offeredAfter).filter(word => /^\w/.test(word) && !ours.includes(word)));
	t.true(words.size > 20);
	t.deepEqual([...words].filter(word => !isReserved(word)), []);
});

test('no name of a command is the beginning of another', t => {
	const names = commands.flatMap(({name, aliases = []}) => [name, ...aliases]);
	t.deepEqual(names.filter(name => names.some(other => other.startsWith(`${name} `))), []);
});
