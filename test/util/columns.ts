/** Text tables. */
import test from 'ava';
import {columns} from '../../lib/util/columns.ts';

const lays = test.macro({
	exec(t, rows: ReadonlyArray<readonly string[]>, expected: readonly string[]) {
		t.deepEqual(columns(rows).split('\n'), expected);
	},
	title: (title = '') => `columns: ${title}`,
});

test('as wide as their widest cell', lays, [['a', 'bb', 'c'], ['aaa', 'b', 'c']], ['a    bb  c', 'aaa  b   c']);
test('the last cell is not padded', lays, [['a', 'b'], ['a', 'bbbb']], ['a  b', 'a  bbbb']);
test('empty cells leave no space at the end', lays, [['aa', ''], ['a', 'b']], ['aa', 'a   b']);
test('rows of different lengths', lays, [['long word'], ['a', 'b', 'c']], ['long word', 'a          b  c']);
test('no rows', lays, [], ['']);

test('another gap', t => {
	t.is(columns([['a', 'b']], ' | '), 'a | b');
});
