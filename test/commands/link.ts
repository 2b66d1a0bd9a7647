/** How `link A B set` reads, where it finds fault, and what Tab offers. */
import test from 'ava';
import {findCommand, nextWords} from '../../lib/commands/find.ts';
import {Reader} from '../../lib/policy/reader.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';
import {scene} from '../helpers/scene.ts';

function read(line: string): unknown {
	const {command, words} = findCommand(splitWords(line), scene);
	return command.read(new Reader(words, command.usage), scene);
}

const reads = test.macro({
	title: (_, line: string) => `reads "${line}"`,
	exec(t, line: string, options: object, from: string | undefined) {
		t.deepEqual(read(line), {a: 'h10', b: 's1', change: {options, from}});
	},
});

test(reads, 'link h10 s1 set none', {}, undefined);
test(reads, 'link h10 s1 set none from s1', {}, 's1');
test(reads, 'link h10 s1 set delay 15ms', {delay: '15ms'}, undefined);
test(reads, 'link h10 s1 set loss 1% jitter 2ms queue 20 rate 10mbit delay 15ms from h10', {loss: '1%', jitter: '2ms', queue: 20, rate: '10mbit', delay: '15ms'}, 'h10');

const options = ['rate', 'delay', 'jitter', 'loss', 'queue'];
const time = 'a time with its unit, like 500us, 15ms or 1s';

const refuses = test.macro({
	title: (_, line: string) => `refuses "${line}"`,
	exec(t, line: string, column: number, message: RegExp, expected: readonly string[]) {
		const error = t.throws(() => read(line), {instanceOf: InputError, message});
		t.is(error.details.column, column);
		t.deepEqual(error.details.expected, [...expected]);
	},
});

test(refuses, 'link h10 s1 set', 16, /go on with none, rate,/, ['none', ...options]);
test(refuses, 'link h10 s1 set dealy 5ms', 17, /Did you mean delay\?/, ['none', ...options]);
test(refuses, 'link h10 s1 set delay', 22, /go on with a time with its unit/, [time]);
test(refuses, 'link h10 s1 set delay 5', 23, /^delay "5" cannot be read\. Write a time with its unit/, [time]);
test(refuses, 'link h10 s1 set delay 5ms loss 101%', 32, /^loss "101%" is out of range\. Give 0% to 100%\.$/, ['a share like 1% or 0.5%']);
test(refuses, 'link h10 s1 set rate 1mbit queue many', 34, /^queue "many" cannot be read\. Write a number of frames/, ['a number of frames, like 1000']);
test(refuses, 'link h10 s1 set loss 1% jitter 2ms', 25, /^jitter is given without a delay/, [time]);
test(refuses, 'link h10 s1 set delay 5ms delay 6ms', 27, /a word too many/, ['rate', 'jitter', 'loss', 'queue', 'from', 'end of line']);
test(refuses, 'link h10 s1 set none delay 6ms', 22, /a word too many/, ['from', 'end of line']);
test(refuses, 'link h10 s1 set none from s2', 27, /stands where h10 or s1 should/, ['h10', 's1']);

const offers = test.macro({
	title: (_, line: string) => `after "${line}"`,
	exec(t, line: string, words: readonly string[]) {
		t.deepEqual([...nextWords(splitWords(line), scene)], [...words]);
	},
});

test(offers, 'link h10 s1 set', ['none', ...options]);
test(offers, 'link h10 s1 set delay', []);
test(offers, 'link h10 s1 set delay 5ms', ['rate', 'jitter', 'loss', 'queue', 'from']);
test(offers, 'link h10 s1 set delay 5ms from', ['h10', 's1']);
