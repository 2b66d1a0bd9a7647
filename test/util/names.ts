/** Names: natural order, nearest relatives, patterns, and words made safe to print. */
import test from 'ava';
import {commandWords, grammarWords, isReserved} from '../../lib/util/reserved.ts';
import {compareNames, interfaceNameLimit, namePattern, nearestNames, printable, sortNames, unknownName} from '../../lib/util/names.ts';

test('h2 stands before h10', t => {
	t.deepEqual(sortNames(['h10', 's1', 'h2', 'fw', 'h1']), ['fw', 'h1', 'h2', 'h10', 's1']);
	t.deepEqual(sortNames(new Set(['h1s2', 'h10s1', 'h2s1', 'h1s1'])), ['h1s1', 'h1s2', 'h2s1', 'h10s1']);
	t.true(compareNames('s1-eth2', 's1-eth10') < 0);
	t.is(compareNames('h1', 'h1'), 0);
});

const near = test.macro({
	exec(t, word: string, known: readonly string[], expected: readonly string[]) {
		t.deepEqual(nearestNames(word, known), expected);
	},
	title: (_, word: string, known: readonly string[]) => `near "${word}" of ${known.join(' ')}`,
});

test(near, 'alow', ['allow', 'deny', 'reject'], ['allow']);
test(near, 'ALLOW', ['allow', 'deny'], ['allow']);
test(near, 'h3', ['h1', 'h2', 'h10', 'h30', 'h31', 'switch'], ['h1', 'h2', 'h30']);
test(near, 'pinggall', ['ping', 'pingpair', 'pingall'], ['pingall', 'pingpair', 'ping']);
test(near, 'x', ['h1', 'fw'], []);
test(near, 'x', ['a', 'b', 'c', 'd'], []);
test(near, 'g1', ['1', 'g2', 'fw'], ['1', 'g2']);

test('an unknown name is answered with its nearest relatives', t => {
	const error = unknownName('address set', 'ofice', ['office', 'home'], 7);
	t.is(error.message, 'There is no address set "ofice". Did you mean office?');
	t.deepEqual(error.toJSON(), {code: 'unknown-address-set', message: error.message, column: 7, expected: ['address set'], nearest: ['office']});
	t.is(unknownName('node', 'zzz', new Set(['h2', 'h1']).keys()).message, 'There is no node "zzz". Known are h1, h2.');
	t.is(unknownName('node', 'zzz', Array.from({length: 10}, (_, index) => `h${index + 1}`)).message, 'There is no node "zzz". Known are h1, h2, h3, h4, h5, h6, h7, h8 and 2 more.');
	t.is(unknownName('node', 'zzz', []).message, 'There is no node "zzz". There are none.');
	t.false('column' in unknownName('node', 'zzz', []).details);
});

test('what may be a name', t => {
	for (const name of ['h1', 'H', 'node_if0', 'a-b-c', 'abcdefghijklmno']) {
		t.regex(name, namePattern);
	}

	for (const name of ['', '1h', '-a', '_a', 'a.b', 'a b', 'a/b', 'a;b', 'ä', 'a\n', '..']) {
		t.notRegex(name, namePattern, JSON.stringify(name));
	}

	t.is(interfaceNameLimit, 15);
});

test('words of the prompt and the grammar are reserved, in any case', t => {
	for (const word of [...commandWords, ...grammarWords, 'Any', 'PINGALL', 'eof']) {
		t.true(isReserved(word), word);
	}

	t.false(isReserved('h1'));
	t.false(isReserved('constructor'));
});

test('words made safe to print', t => {
	t.is(printable('h1'), 'h1');
	t.is(printable('a\u001B[31mb\nc\u0000\u007F\u009B'), 'a\uFFFD[31mb\uFFFDc\uFFFD\uFFFD\uFFFD');
	t.is(printable('allow\u202Eyned\u200B\u2029\u{E0041}é'), 'allow<U+202E>yned<U+200B><U+2029><U+E0041>é');
	t.is(printable('x'.repeat(60)), 'x'.repeat(60));
	t.is(printable('x'.repeat(10_000)), `${'x'.repeat(57)}...`);
});
