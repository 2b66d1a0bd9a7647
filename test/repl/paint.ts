import test from 'ava';
import {Chalk} from 'chalk';
import {paintWith} from '../../lib/repl/paint.ts';
import {InputError} from '../../lib/util/errors.ts';

const plain = paintWith(new Chalk({level: 0}));
const coloured = paintWith(new Chalk({level: 1}));

const paints = test.macro({
	title: (_, name: string) => name,
	exec(t, _name: string, error: InputError, line: string | undefined, text: string) {
		t.is(plain.error(error, line), text);
	},
});

test(paints, 'a caret stands under the column', new InputError('x', 'Wrong.', {column: 5}), 'sg  lits', 'sg  lits\n    ^\nWrong.');
test(paints, 'a caret may stand behind the line', new InputError('x', 'Wrong.', {column: 3}), 'sg', 'sg\n  ^\nWrong.');
test(paints, 'without a column there is no caret', new InputError('x', 'Wrong.'), 'sg', 'Wrong.');
test(paints, 'without a line there is no caret', new InputError('x', 'Wrong.', {column: 1}), undefined, 'Wrong.');
test(paints, 'what the message leaves out is added', new InputError('x', 'Wrong.', {expected: ['group'], nearest: ['web', 'db']}), undefined, 'Wrong.\nexpected: group\nnearest: web, db');
test(paints, 'what the message says is not repeated', new InputError('x', 'No group "wep". Did you mean web?', {expected: ['group'], nearest: ['web']}), undefined, 'No group "wep". Did you mean web?');
test(paints, 'control characters do not reach the terminal', new InputError('x', 'Wrong \u001B[2J\u009B\u202E.', {column: 1}), '\u001B[2J\n\u0007', '\uFFFD[2J\uFFFD\uFFFD\n^\nWrong \uFFFD[2J\uFFFD\uFFFD.');

test('of a long line the part around the column is shown', t => {
	const line = `${'a'.repeat(500)}b${'c'.repeat(500)}`;
	const [part = '', caret = ''] = plain.error(new InputError('x', 'Wrong.', {column: 501}), line).split('\n');
	t.true(part.length < 90);
	t.is(part[caret.indexOf('^')], 'b');
	t.regex(part, /^\.\.\.a+bc+\.\.\.$/);
});

test('colours', t => {
	t.is(coloured.error(new InputError('x', 'Wrong.')), '\u001B[31mWrong.\u001B[39m');
	t.is(coloured.aside('so'), '\u001B[2mso\u001B[22m');
});
