/** `help secrule add` knows every word that the grammar takes in a clause. */
import test from 'ava';
import {InputError} from '../../lib/index.ts';
import {secruleAddCommand} from '../../lib/commands/secrule.ts';
import {runPolicyLines} from '../helpers/policy-lines.ts';

/** What may stand where nothing stands that may: a clause, or what goes on with the one before. */
function expectedAfter(clause: string): readonly string[] {
	try {
		runPolicyLines([`secrule add allow any to any ${clause} nonsense`.replaceAll('  ', ' ')], new Map());
	} catch (error) {
		if (error instanceof InputError) {
			return error.details.expected ?? [];
		}

		throw error;
	}

	return [];
}

const words = new Set(['', 'tcp', 'icmp', 'rate 10/s'].flatMap(expectedAfter));

test('the grammar tells its words', t => {
	t.deepEqual(['stateless', 'sport', 'type', 'burst'].filter(word => !words.has(word)), []);
	t.is(words.size, 20);
});

for (const word of words) {
	test(`it tells of ${word}`, t => {
		t.regex(secruleAddCommand.details ?? '', new RegExp(String.raw`\b${word}\b`));
	});
}
