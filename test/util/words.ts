/** Words of a line: quotes, escapes, comments, columns. */
import test from 'ava';
import fc from 'fast-check';
import {InputError} from '../../lib/util/errors.ts';
import {type Word, cutWord, splitWords} from '../../lib/util/words.ts';

const splits = test.macro({
	exec(t, line: string, expected: readonly string[]) {
		t.deepEqual(splitWords(line).map(({text}) => text), expected);
	},
	title: (_, line: string) => `splits ${JSON.stringify(line)}`,
});

test(splits, '', []);
test(splits, ' \t\r\n', []);
test(splits, 'h1 ping  h2', ['h1', 'ping', 'h2']);
test(splits, '  h1\tping ', ['h1', 'ping']);
test(splits, 'h1 echo "a b"', ['h1', 'echo', 'a b']);
test(splits, 'h1 echo \'a "b\' "c\'d"', ['h1', 'echo', 'a "b', 'c\'d']);
test(splits, 'a"b c"d', ['ab cd']);
test(splits, '"" \'\'', ['', '']);
test(splits, 'a\\ b \\"c', ['a b', '"c']);
test(splits, '"a\\"b" "a\\\\b" "a\\nb"', ['a"b', 'a\\b', 'a\\nb']);
test(splits, '\'a\\b\'', ['a\\b']);
test(splits, '\'a\\\\b\'', ['a\\\\b']);
test(splits, 'a\\', ['a\\']);
test(splits, 'nodes # all of them', ['nodes']);
test(splits, '# nothing', []);
test(splits, 'a#b \\#c "#d"', ['a#b', '#c', '#d']);
test(splits, '$HOME `id` $(id) *', ['$HOME', '`id`', '$(id)', '*']);

test('words know their column and whether they were quoted', t => {
	t.deepEqual(splitWords('ab  "c d" e\\f').map(({column, quoted}) => [column, quoted]), [[1, false], [5, true], [11, true]]);
});

test('a word knows how it stands in its line', t => {
	t.deepEqual(splitWords('ab  "c d"e e\\f').map(({raw}) => raw), ['ab', '"c d"e', 'e\\f']);
});

const cuts = test.macro({
	exec(t, line: string, expected: ReadonlyArray<readonly [text: string, column: number, quoted: boolean]>) {
		const pieces: Word[] = [];
		for (let [word] = splitWords(line); word;) {
			const {first, rest} = cutWord(word, '(),');
			pieces.push(first);
			word = rest;
		}

		t.deepEqual(pieces.map(({text, column, quoted}) => [text, column, quoted]), expected);
	},
	title: (_, line: string) => `parts ${JSON.stringify(line)} at its marks`,
});

test(cuts, 'web', [['web', 1, false]]);
test(cuts, '  web', [['web', 3, false]]);
test(cuts, ' (a,b)', [['(', 2, false], ['a', 3, false], [',', 4, false], ['b', 5, false], [')', 6, false]]);
test(cuts, '(("a,b",c', [['(', 1, false], ['(', 2, false], ['a,b', 3, true], [',', 8, false], ['c', 9, false]]);
test(cuts, 'a\\,b,"c"d)', [['a,b', 1, true], [',', 5, false], ['cd', 6, true], [')', 10, false]]);
test(cuts, '"(a)"', [['(a)', 1, true]]);

const open = test.macro({
	exec(t, line: string, column: number) {
		const error = t.throws(() => splitWords(line), {instanceOf: InputError, code: 'quote'});
		t.is(error.details.column, column);
	},
	title: (_, line: string) => `an open quote: ${line}`,
});

test(open, 'a "b', 3);
test(open, '\'', 1);
test(open, 'ab"c\\"', 3);

test('any words, quoted one by one, come back', t => {
	fc.assert(fc.property(fc.array(fc.string({unit: 'binary'})), words => {
		const line = words.map(word => `"${word.replaceAll(/["\\]/g, '\\$&')}"`).join(' ');
		t.deepEqual(splitWords(line).map(({text}) => text), words);
	}));
});

test('a line is never too odd: words or an InputError', t => {
	fc.assert(fc.property(fc.string({unit: fc.constantFrom('"', '\'', '\\', '#', ' ', 'a', '\t')}), line => {
		try {
			t.true(splitWords(line).every(({column}) => column >= 1 && column <= line.length));
		} catch (error) {
			t.true(error instanceof InputError);
		}
	}));
});
