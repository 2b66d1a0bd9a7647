/** `scripts/fuzz-policy`: it searches for as long as it is told, and what it finds is made small and kept as a file that reads back. */
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {execa} from 'execa';
import {search} from '../../scripts/fuzz/search.ts';
import {readCounterexample} from '../helpers/counterexample.ts';
import {forgetful} from '../helpers/forgetful-evaluator.ts';
import {longPatience} from '../helpers/patience.ts';
import {huntOf} from '../helpers/search.ts';

const folder = mkdtempSync(join(tmpdir(), 'securenet-fuzz-policy-'));
test.after.always(() => {
	rmSync(folder, {recursive: true});
});

test('a second of it, with a seed: it tells what it has compared, and finds nothing', async t => {
	t.timeout(2 * longPatience);
	const {stdout, exitCode, stderr} = await execa('scripts/fuzz-policy', ['--seed', '7', '--minutes', '0.016', '--driver', 'nftables-bridge', '--driver', 'openflow'], {reject: false});
	t.is(exitCode, 0, stdout + stderr);
	t.regex(stdout, /^Seed 7, \d+ s\.\ncompared with the model +cases +a second +unclear\nnftables-bridge +[1-9]\d* +\d+ +0\nopenflow +[1-9]\d* +\d+ +0$/m);
});

test('nobody searches, too, and asks Open vSwitch; only networks take root', async t => {
	t.timeout(2 * longPatience);
	const nobody = {uid: 65_534, gid: 65_534, reject: false} as const;
	const {stdout, exitCode, stderr} = await execa('scripts/fuzz-policy', ['--seed', '7', '--minutes', '0.016', '--driver', 'openflow'], nobody);
	t.is(exitCode, 0, stdout + stderr);
	t.regex(stdout, /^openflow +[1-9]\d* +\d+ +0$/m);
	const live = await execa('scripts/fuzz-policy', ['--live'], nobody);
	t.is(live.exitCode, 2);
	t.is(live.stderr, '--live makes networks, which takes root: start it with sudo, or leave --live out.');
});

test('what it is told wrongly is refused, with how it is used', async t => {
	const {stderr, exitCode} = await execa('node', ['--import=tsx', 'scripts/fuzz/main.ts', '--driver', 'openflw'], {reject: false});
	t.is(exitCode, 2);
	t.regex(stderr, /^There is no driver "openflw"\. Did you mean openflow\?\nUsage: scripts\/fuzz-policy/);
});

test('a mistake that cannot be kept is told all the same', async t => {
	t.timeout(longPatience);
	const told: string[] = [];
	const missing = join(folder, 'missing');
	const status = await search({hunts: [huntOf(forgetful)], seed: 0, minutes: Infinity, folder: missing, isEnded: () => false, print: text => told.push(text)});
	t.is(status, 1);
	t.regex(told.join('\n'), new RegExp(`secrule add reject any to any[^]*\\nIt cannot be kept as ${missing}/forgetful-\\d+\\.policy: ENOENT`));
});

test('a mistake is made small and kept as a file that reads back', async t => {
	t.timeout(longPatience);
	const told: string[] = [];
	const print = (text: string) => told.push(text);
	const status = await search({hunts: [huntOf(forgetful)], seed: 0, minutes: Infinity, folder, isEnded: () => false, print});
	t.is(status, 1);
	const [file = '', ...others] = readdirSync(folder);
	t.deepEqual(others, []);
	t.regex(file, /^forgetful-\d+\.policy$/);
	const {network, lines, packets, verdicts} = readCounterexample(readFileSync(join(folder, file), 'utf8'));
	t.deepEqual([network.length, lines, packets.length], [1, ['secrule add reject any to any'], 1]);
	t.deepEqual(verdicts.filter(({by}) => by === 'model').map(({says}) => says), ['reject 1']);
	t.regex(told.join('\n'), new RegExp(`Kept as ${join(folder, file)}\\. Replay: scripts/fuzz-policy --driver forgetful --replay ${join(folder, file)}$`));
});
