import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {appendHistory, historyFile, historySize, readHistory} from '../../lib/repl/history.ts';

function directory(t: {teardown(work: () => void): void}): string {
	const path = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(path, {recursive: true});
	});
	return path;
}

test('lines come back newest first, from a file that only the user can read', t => {
	const file = join(directory(t), 'state/securenet/history');
	appendHistory(file, 'nodes');
	appendHistory(file, 'net');
	t.deepEqual(readHistory(file), ['net', 'nodes']);
	t.is(statSync(file).mode & 0o777, 0o600);
});

test('a file that grows is shortened', t => {
	const file = join(directory(t), 'history');
	writeFileSync(file, Array.from({length: (2 * historySize) + 1}, (_, index) => `line ${index}\n`).join(''));
	t.is(readHistory(file).length, historySize);
	t.is(readFileSync(file, 'utf8').split('\n').length - 1, historySize);
	t.is(readHistory(file)[0], `line ${2 * historySize}`);
});

test('without a file that can be used there is no history and no error', t => {
	t.deepEqual(readHistory('/dev/null/history'), []);
	t.notThrows(() => {
		appendHistory('/dev/null/history', 'nodes');
	});
});

test.serial('the file is where XDG says', t => {
	const before = process.env['XDG_STATE_HOME'];
	t.teardown(() => {
		process.env['XDG_STATE_HOME'] = before;
		if (before === undefined) {
			delete process.env['XDG_STATE_HOME'];
		}
	});
	process.env['XDG_STATE_HOME'] = '/somewhere';
	t.is(historyFile(), '/somewhere/securenet/history');
	delete process.env['XDG_STATE_HOME'];
	t.regex(historyFile(), /\/\.local\/state\/securenet\/history$/);
});
