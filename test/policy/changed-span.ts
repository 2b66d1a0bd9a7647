/** Where two lists differ, and what is made anew for it. */
import test from 'ava';
import fc from 'fast-check';
import {changedSpan, updateSpan} from '../../lib/policy/passes/changed-span.ts';

const span = test.macro<[before: string, after: string, first: number, endBefore: number, endAfter: number]>({
	exec(t, before, after, first, endBefore, endAfter) {
		t.deepEqual(changedSpan(before.split(' '), after.split(' ')), {first, endBefore, endAfter});
	},
	title: (_, before, after) => `from ${before} to ${after}`,
});

test(span, 'a b c', 'a b c', 3, 3, 3);
test(span, 'a b c', 'a b x c', 2, 2, 3);
test(span, 'a b c', 'a c', 1, 2, 1);
test(span, 'a b c', 'a x c', 1, 2, 2);
test(span, 'a b c d', 'a c b d', 1, 3, 3);
test(span, 'a a', 'a a a', 2, 2, 3);
test(span, 'a', 'b c', 0, 1, 2);

test('random lists: the short way and the long way make the same, and the short way leaves alone what did not change', t => {
	const lists = fc.array(fc.integer({min: 0, max: 9}), {maxLength: 12});
	fc.assert(fc.property(lists, lists, (before, after) => {
		const made: number[] = [];
		const results = updateSpan(before, after, before.map(String), item => {
			made.push(item);
			return String(item);
		});
		t.deepEqual(results, after.map(String));
		const {first, endAfter} = changedSpan(before, after);
		t.deepEqual(made, after.slice(first, endAfter));
	}));
});

test('nothing changed: the very same results', t => {
	const results = ['one', 'two'];
	t.is(updateSpan([1, 2], [1, 2], results, String), results);
});
