import {cpSync, mkdtempSync, rmSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {execa} from 'execa';
import {uniqueName} from '../helpers/names.ts';

test.serial('the first start bundles the program, and nothing of that stays', async t => {
	const checkout = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(checkout, {recursive: true});
	});
	for (const name of ['bin', 'lib', 'package.json', 'package-lock.json']) {
		// New times, so that no bundle of these files is there yet.
		cpSync(name, join(checkout, name), {recursive: true, preserveTimestamps: false});
	}

	symlinkSync(join(process.cwd(), 'node_modules'), join(checkout, 'node_modules'));
	const args = ['run', 'single,2', '--switch', 'bridge', '--name', uniqueName(), '-c', 'sh ps -o args= --ppid $PPID'];
	const {stdout, stderr, exitCode} = await execa('node', [join(checkout, 'bin/securenet.js'), ...args], {reject: false});
	t.is(stderr, '');
	t.is(exitCode, 0);
	t.regex(stdout, /ps -o/);
	t.notRegex(stdout, /esbuild/);
});
