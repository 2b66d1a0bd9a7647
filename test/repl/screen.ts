/** What is shown again and again keeps to the screen. */
import test from 'ava';
import {fitted} from '../../lib/repl/screen.ts';

const lines = (count: number) => Array.from({length: count}, (_, index) => `line ${index + 1}`).join('\n');

test('what fits is shown whole, with a row for the cursor', t => {
	t.is(fitted(lines(9), {columns: 80, rows: 10}), lines(9));
	t.is(fitted('', {columns: 80, rows: 10}), '');
});

test('what does not fit says how many lines more there are', t => {
	t.is(fitted(lines(10), {columns: 80, rows: 10}), `${lines(8)}\n… 2 more`);
	t.is(fitted(lines(1000), {columns: 80, rows: 5}), `${lines(3)}\n… 997 more`);
});

test('a line wider than the screen takes several rows', t => {
	t.is(fitted('0123456789ab\nx\ny', {columns: 10, rows: 5}), '0123456789ab\nx\ny');
	t.is(fitted('0123456789ab\nx\ny\nz', {columns: 10, rows: 5}), '0123456789ab\nx\n… 2 more');
	t.is(fitted('x\n0123456789ab\ny', {columns: 10, rows: 4}), 'x\n… 2 more');
});

test('a screen of two rows says that there is more', t => {
	t.is(fitted(lines(3), {columns: 80, rows: 2}), '… 3 more');
});

test('a terminal that does not say how big it is, or has one row only, gets everything', t => {
	for (const size of [{columns: 0, rows: 0}, {columns: 0, rows: 24}, {columns: 80, rows: 0}, {columns: 80, rows: 1}]) {
		t.is(fitted(lines(3), size), lines(3), JSON.stringify(size));
	}
});
