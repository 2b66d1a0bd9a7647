/** Lines that go on until Ctrl-C, at a terminal. */
import test from 'ava';
import {uniqueName} from '../helpers/names.ts';
import {Terminal} from '../helpers/terminal.ts';

const emptyPrompt = /^securenet>$/m;

test.serial('secrule log and flows --watch show what happens, and end by Ctrl-C', async t => {
	const terminal = new Terminal();
	t.teardown(async () => terminal.close());
	await terminal.start(['node', 'bin/securenet.js', 'run', 'topologies/securenet.ts', '--name', uniqueName()]);
	await terminal.shows(emptyPrompt);
	for (const line of ['h20 bind db', 'secrule add allow h21 to db icmp log', 'h21 sh -c "exec ping -i 0.3 10.0.20.20 > /dev/null" &']) {
		await terminal.line(line);
	}

	await terminal.shows(/in the background/);
	await terminal.clear();
	await terminal.line('flows s2 --watch');
	await terminal.shows(/^device +hits +\/s +sentence +line\n[^]*^s2 +\d+ +\d+\.\d +allow h21 to db icmp log +table=8 rules /m);
	// Rates are there from the second look on.
	await terminal.shows(/^s2 +\d+ +[1-9]\d*\.\d +part of a connection/m);
	t.notRegex(await terminal.screen(), /line\n[^]*\ndevice +hits/);
	await terminal.press('C-c');
	await terminal.shows(/\nsecurenet>$/);

	await terminal.clear();
	await terminal.line('flows --watch --all');
	t.regex(await terminal.shows(/^… \d+ more$/m), /^device +hits +\/s +sentence +line\n(?:.*\n)+… \d+ more$/m);
	await terminal.press('C-c');
	await terminal.shows(/\nsecurenet>$/);

	await terminal.clear();
	await terminal.line('secrule log');
	await terminal.lineRuns();
	await terminal.press('C-c');
	await terminal.shows(/^securenet> secrule log\n(?:\^C)?\n?securenet>$/);
	await terminal.line('nodes');
	await terminal.shows(/^h10 /m);
});
