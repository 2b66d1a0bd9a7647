import test, {type ExecutionContext} from 'ava';
import {labRecord} from '../../lib/network/journal.ts';
import {eventually} from '../helpers/eventually.ts';
import {daemonsOf} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';
import {Terminal} from '../helpers/terminal.ts';

const emptyPrompt = /^securenet>$/m;

async function start(t: ExecutionContext): Promise<{terminal: Terminal; name: string}> {
	const terminal = new Terminal();
	const name = uniqueName();
	t.teardown(async () => terminal.close());
	await terminal.start(['node', 'bin/securenet.js', 'run', 'topologies/securenet.ts', '--name', name]);
	await terminal.shows(emptyPrompt);
	return {terminal, name};
}

/** Runs a line and waits for the prompt after it. */
async function run(terminal: Terminal, line: string): Promise<string> {
	await terminal.clear();
	await terminal.line(line);
	return terminal.shows(/^securenet> \S.*\n(?:.*\n)*securenet>$/);
}

test.serial('lines, errors and history', async t => {
	const {terminal} = await start(t);
	t.regex(await run(terminal, 'h10 echo h11'), /^10\.0\.10\.11$/m);
	t.regex(await run(terminal, 'secrule add alow any to any'), /^secrule add alow any to any\n {12}\^\n"alow" stands where allow, deny or reject should\./m);
	t.regex(await run(terminal, 'h10 false'), /^"h10 false" failed with exit status 1\.$/m);
	t.regex(await run(terminal, 'pingall 0.2'), /received, \d+ lost\nsecurenet>$/);
	await terminal.clear();
	await terminal.press('Up', 'Up', 'Up', 'Up', 'Enter');
	await terminal.shows(/^securenet> h10 echo h11\n10\.0\.10\.11\nsecurenet>$/m);
	t.true((await terminal.screen({escapes: true})).includes('securenet> '));
	await terminal.line('pingal');
	await terminal.shows(/no command/);
	t.regex(await terminal.screen({escapes: true}), /\u001B\[31m(?:\u001B\[49m)?There is no command/);
});

test.serial('Tab completes commands, nodes, groups and clauses', async t => {
	const {terminal} = await start(t);
	await run(terminal, 'h10 bind web');
	for (const [typed, completed] of [['sgh', 'sghosts'], ['sghosts w', 'sghosts web'], ['secrule add al', 'secrule add allow'], ['secrule add allow web t', 'secrule add allow web to'], ['h1', 'h1\nh10  h11']] as const) {
		await terminal.clear();
		await terminal.type(typed);
		// Keys that come all at once count as pasted text, where a Tab is just a space: it waits until these are shown.
		await terminal.shows(new RegExp(`^securenet> ${typed}$`, 'm'));
		await terminal.press('Tab');
		const [line = '', ...offers] = completed.split('\n');
		const expected = new RegExp(`^securenet> ${line} ?$${offers.map(each => `\\n${each.replaceAll(/ +/g, ' +')}`).join('')}`, 'm');
		await terminal.shows(expected, offers.length > 0 ? 'Tab' : undefined);
		await terminal.press('C-c');
		await terminal.shows(emptyPrompt);
	}

	t.pass();
});

test.serial('a program has the terminal while it runs, and Ctrl-C', async t => {
	const {terminal} = await start(t);
	await terminal.line('h10 sh -c \'echo ready; exec cat\'');
	await terminal.shows(/^ready$/m);
	await terminal.line('typed once');
	await terminal.shows(/typed once\ntyped once/);
	await terminal.press('C-d');
	await terminal.shows(/typed once\nsecurenet>$/);

	await terminal.clear();
	await terminal.line('h10 ping h11');
	await terminal.shows(/bytes from 10\.0\.10\.11/);
	await terminal.press('C-c');
	const screen = await terminal.shows(/packet loss[^]*securenet>$/);
	t.notRegex(screen, /mistake/);

	await terminal.clear();
	await terminal.line('h10 sh -c \'trap "echo caught" INT; echo ready; sleep 9; sleep 2; echo went on\'');
	await terminal.shows(/^ready$/m);
	await terminal.press('C-c');
	await terminal.shows(/caught\nwent on\nsecurenet>$/);

	await terminal.clear();
	await terminal.line('h10 sh -c \'stty -echo; echo ready; read x; stty echo; echo "[$x]"\'');
	await terminal.shows(/^ready$/m);
	await terminal.line('unseen');
	await terminal.shows(/^\[unseen\]$/m);
	t.regex(await run(terminal, 'h10 echo alive'), /^alive$/m);
});

test.serial('Ctrl-\\ is for the program that runs: ping says how it stands', async t => {
	const {terminal} = await start(t);
	await terminal.line('h10 ping h11');
	await terminal.shows(/bytes from 10\.0\.10\.11/);
	await terminal.press('C-\\');
	await terminal.shows(/packets, 0% loss/);
	await terminal.press('C-c');
	await terminal.shows(/packet loss[^]*securenet>$/);
	t.regex(await run(terminal, 'h10 echo alive'), /^alive$/m);
});

test.serial('Ctrl-C interrupts what is not a program, and the lab goes on', async t => {
	const {terminal} = await start(t);
	await terminal.line('pingall 20');
	await terminal.lineRuns();
	await terminal.press('C-c');
	await terminal.shows(/Interrupted after \d+ of 30 pairs\.[^]*securenet>$/);
	t.regex(await run(terminal, 'h10 ping -c 1 h11'), /1 received/);
});

test.serial('lines that are pasted together run one after the other', async t => {
	const {terminal} = await start(t);
	await terminal.type('h10 sh -c "sleep 0.5; echo first"\nh10 echo second\nh10 echo third\n');
	await terminal.shows(/\nfirst\nsecurenet> h10 echo second\nsecond\nsecurenet> h10 echo third\nthird\nsecurenet>$/);
	t.pass();
});

test.serial('Ctrl-C clears a line; at the empty prompt the second one leaves', async t => {
	const {terminal, name} = await start(t);
	await terminal.type('never run');
	await terminal.press('Left', 'Left', 'C-c');
	await terminal.shows(/never run\^C\nsecurenet>$/);
	await terminal.press('C-c');
	await terminal.shows(/Ctrl-C again, Ctrl-D or exit takes the lab down\.\nsecurenet>$/);
	await terminal.press('C-c');
	t.is(await terminal.exitStatus(), 0);
	t.deepEqual(daemonsOf(name), []);
});

for (const [title, keys] of [['Ctrl-D', ['C-d']], ['exit', ['e', 'x', 'i', 't', 'Enter']]] as const) {
	test.serial(`${title} takes the lab down`, async t => {
		const {terminal, name} = await start(t);
		t.true(daemonsOf(name).length > 0);
		await terminal.press(...keys);
		t.is(await terminal.exitStatus(), 0);
		t.deepEqual(daemonsOf(name), []);
	});
}

test.serial('SIGTERM at the prompt takes the lab down', async t => {
	const {terminal, name} = await start(t);
	process.kill(labRecord(name).pid, 'SIGTERM');
	t.is(await terminal.exitStatus(), 143);
	t.deepEqual(daemonsOf(name), []);
});

test.serial('a terminal that hangs up takes the lab down', async t => {
	const {terminal, name} = await start(t);
	await terminal.line('h10 sh -c \'echo ready; exec sleep 60\'');
	await terminal.shows(/^ready$/m);
	await terminal.close();
	await eventually(() => daemonsOf(name).length === 0);
	t.deepEqual(daemonsOf(name), []);
});
