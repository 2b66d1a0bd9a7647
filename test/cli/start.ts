/** The first command of a newcomer: what scripts/start and scripts/setup do where something is missing, and where nothing is. */
import {mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {delimiter, dirname, join} from 'node:path';
import test from 'ava';
import {execa} from 'execa';
import {uniqueName} from '../helpers/names.ts';

/** The user nobody, who may do nothing that root may. */
const nobody = {uid: 65_534, gid: 65_534};

for (const script of ['scripts/start', 'scripts/setup']) {
	test(`${script} without root says in one sentence to use sudo`, async t => {
		const {exitCode, stdout, stderr} = await execa(script, {...nobody, reject: false, input: ''});
		t.is(stderr, 'SecureNet needs root, to install packages and to make network namespaces: start it with sudo.');
		t.is(stdout, '');
		t.is(exitCode, 3);
	});

	test(`${script} without apt-get names in one sentence what to install`, async t => {
		const path = mkdtempSync(join(tmpdir(), 'securenet-'));
		t.teardown(() => {
			rmSync(path, {recursive: true});
		});
		linkPrograms(path, ['apt-get', 'ping']);
		const {exitCode, stdout, stderr} = await execa(script, {env: {PATH: path}, reject: false, input: ''});
		t.is(stderr, 'This machine has no apt-get: install with its own package manager what Debian calls iputils-ping.');
		t.is(stdout, '');
		t.is(exitCode, 3);
	});
}

/** All programs of this machine but some. The scripts add the sbin directories themselves. */
function linkPrograms(to: string, except: readonly string[]): void {
	mkdirSync(to, {recursive: true});
	const known = new Set(except);
	for (const directory of [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter)]) {
		if (/node_modules|sbin/.test(directory) || !statSync(directory, {throwIfNoEntry: false})?.isDirectory()) {
			continue;
		}

		for (const program of readdirSync(directory).filter(name => !known.has(name))) {
			known.add(program);
			symlinkSync(join(directory, program), join(to, program));
		}
	}
}

test.serial('without a terminal and without lines scripts/start shows the story, and says so', async t => {
	const {exitCode, stdout, stderr} = await execa('scripts/start', ['--name', uniqueName()], {reject: false, input: ''});
	t.is(stderr, 'There is no terminal, so this is a demonstration; topologies/README.md tells its story.');
	t.regex(stdout, /^securenet> secrule add allow /m);
	t.is(exitCode, 0, stdout);
});

test.serial('scripts/start passes a topology, options and the exit status on', async t => {
	const {exitCode, stdout, stderr} = await execa('scripts/start', ['single,2', '--name', uniqueName(), '-c', 'h1 echo x', '-c', 'h1 false'], {reject: false, input: ''});
	t.deepEqual([stdout, stderr, exitCode], ['x', '"h1 false" failed with exit status 1.', 1]);
});

test.serial('where nothing is missing scripts/setup says nothing and adds less than 2 s', async t => {
	// Processor time: what it would take on a machine that does nothing else.
	const {stdout, stderr} = await execa('bash', ['-c', 'TIMEFORMAT="%U %S"; time scripts/setup 2>&1']);
	t.is(stdout, '');
	const [user, system] = stderr.split(' ').map(Number);
	t.true((user ?? Infinity) + (system ?? Infinity) < 2, stderr);
});
