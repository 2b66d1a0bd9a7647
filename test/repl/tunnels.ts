/** What the prompt says by itself of tunnels over SSH. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import {labRecord} from '../../lib/network/journal.ts';
import {uniqueName} from '../helpers/names.ts';
import {Terminal} from '../helpers/terminal.ts';

test.serial('a tunnel that loses its connection is told at once, and when it is back, each followed by a new prompt', async t => {
	const terminal = new Terminal();
	t.teardown(async () => terminal.close());
	const lab = uniqueName();
	await terminal.start(['node', 'bin/securenet.js', 'run', 'topologies/virtual-l2.ts', '--transport', 'ssh', '--name', lab]);
	await terminal.shows(/^securenet>$/m);
	const client = labRecord(lab).processes.find(({pid}) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('ssh\0'));
	process.kill(client?.pid ?? 0, 'SIGKILL');
	await terminal.shows(/^SSH tunnel vrouter1 - vrouter2 is down: .+\nsecurenet>/m);
	t.notRegex(await terminal.shows(/^SSH tunnel vrouter1 - vrouter2 is up\nsecurenet>$/m), /connecting/);
	await terminal.line('node_1 ping -c 1 node_3');
	await terminal.shows(/ 1 received/);
	await terminal.line('exit');
	t.is(await terminal.exitStatus(), 0);
});
