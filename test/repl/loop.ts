/** What happens while a line runs at a terminal. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import {daemonsOf} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';
import {Terminal} from '../helpers/terminal.ts';

test.serial('a daemon that ends is told at once, and takes no key from the program that runs', async t => {
	const terminal = new Terminal();
	t.teardown(async () => terminal.close());
	const lab = uniqueName();
	await terminal.start(['node', 'bin/securenet.js', 'run', 'topologies/securenet.ts', '--name', lab]);
	await terminal.shows(/^securenet>$/m);
	await terminal.line('h10 cat');
	await terminal.lineRuns();
	await terminal.line('one');
	await terminal.shows(/^one\none$/m);
	const daemon = daemonsOf(lab).find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('ovs-vswitchd'));
	process.kill(daemon ?? 0, 'SIGKILL');
	await terminal.shows(/ovs-vswitchd ended unexpectedly/);
	// The terminal shows what is typed, and the program what it has read.
	await terminal.line('two');
	await terminal.shows(/^two\ntwo$/m);
	await terminal.line('three');
	t.regex(await terminal.shows(/three\n(?:.*\n)*three/), /^two\ntwo\nthree\nthree$/m);
	await terminal.press('C-d');
	await terminal.shows(/\nsecurenet>$/);
	await terminal.line('exit');
	t.is(await terminal.exitStatus(), 0);
});
