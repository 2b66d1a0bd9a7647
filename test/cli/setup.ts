import {readFileSync, readdirSync} from 'node:fs';
import test from 'ava';
import {packages} from '../../lib/kernel/programs.ts';

/** Brought by Node.js itself, or essential in Debian. */
const always = ['node', 'npm', 'bash', 'sh', 'setpriv', 'uname'];

test('scripts/setup installs every program that the tests start', t => {
	const [, listed = ''] = /^test_programs='([^']*)'/m.exec(readFileSync('scripts/setup', 'utf8')) ?? [];
	const known = new Set([...always, ...Object.keys(packages), ...listed.split('\n').map(pair => pair.split(' ')[0] ?? '')]);
	const started = readdirSync('test', {recursive: true, encoding: 'utf8'})
		.filter(name => name.endsWith('.ts'))
		.flatMap(name => [...readFileSync(`test/${name}`, 'utf8').matchAll(/\bexeca(?:Sync)?\('([\w-]+)'/g)].map(([, program = '']) => program));
	t.true(started.includes('tmux'));
	t.deepEqual([...new Set(started)].filter(program => !known.has(program)), []);
});
