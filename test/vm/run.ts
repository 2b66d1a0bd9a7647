/** `scripts/vm/run`, as a user runs it: what it refuses, and User Mode Linux that boots, runs a command and is gone. */
import {existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import test, {type ExecutionContext} from 'ava';
import {execa} from 'execa';
import {eventually} from '../helpers/eventually.ts';
import {uniqueName} from '../helpers/names.ts';
import {longPatience} from '../helpers/patience.ts';
import {Terminal} from '../helpers/terminal.ts';

const script = 'scripts/vm/run';

function directory(t: ExecutionContext): string {
	const made = mkdtempSync(join(tmpdir(), 'vm-run-'));
	t.teardown(() => {
		rmSync(made, {recursive: true});
	});
	return made;
}

async function vm(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
	return execa(script, args, {reject: false, stdin: 'ignore', stripFinalNewline: false, env});
}

for (const [title, args, message] of [
	['without a command', ['--kernel', 'uml'], 'There is no command: write it behind "--", such as: scripts/vm/run -- uname -a'],
	['a word that is no option', ['--kernal', 'uml', '--', 'true'], '"--kernal" is no option. Write: scripts/vm/run [--kernel'],
	['a kernel that there is not', ['--kernel', 'xen', '--', 'true'], 'There is no kernel "xen". Kernels: uml qemu kvm'],
	['memory that is no number', ['--memory', '2G', '--', 'true'], '--memory takes a number of MiB'],
	['a time that is no number', ['--timeout', 'soon', '--', 'true'], '--memory takes a number of MiB, --timeout a number of seconds.'],
	['a share that is not there', ['--share', '/nowhere', '--', 'true'], '--share takes a directory, and "/nowhere" is none.'],
] as const) {
	test(`refused: ${title}`, async t => {
		const {exitCode, stdout, stderr} = await vm(args);
		t.is(exitCode, 125);
		t.is(stdout, '');
		t.true(stderr.includes(`vm: ${message}`), stderr);
	});
}

test('refused: a user who is not root', async t => {
	const {exitCode, stderr} = await execa('setpriv', ['--reuid', '65534', '--clear-groups', 'bash', script, '--kernel', 'uml', '--', 'true'], {reject: false, env: {HOME: '/nowhere'}});
	t.is(exitCode, 125);
	t.true(stderr.includes('needs root: start it with sudo.'), stderr);
});

const uml = ['--kernel', 'uml'] as const;

/** Once on a machine, and not a part of the time in which a machine must be up. */
test.before('the modules of User Mode Linux are there', async t => {
	t.timeout(20 * longPatience);
	await execa('scripts/vm/build-modules');
});

/** A machine that is on its way. Its processes have a mark in their environment, and one of them has its directory among its words. */
function begin(...args: readonly string[]) {
	const mark = `VM_RUN_TEST=${uniqueName()}`;
	const [name = '', value] = mark.split('=');
	const running = execa(script, [...uml, ...args], {reject: false, stdin: 'ignore', env: {[name]: value}});
	const processes = () => readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).flatMap(id => {
		try {
			return readFileSync(`/proc/${id}/environ`, 'utf8').split('\0').includes(mark) ? [readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
		} catch {
			return [];
		}
	});
	const home = () => /uml_dir=(\S+)/.exec(processes().join(' '))?.[1];
	return {running, processes, home};
}

async function isGone(t: ExecutionContext, {processes}: ReturnType<typeof begin>, home: string): Promise<void> {
	// Whoever reads its output ends a moment after it.
	t.true(await eventually(() => processes().length === 0), processes().join('\n'));
	t.false(existsSync(home));
}

test.serial('the command has another kernel, and its status, output and errors come back apart', async t => {
	const {exitCode, stdout, stderr} = await vm([...uml, '--', 'sh', '-c', 'uname -r; echo aside >&2; printf "no line"; exit 7']);
	t.is(exitCode, 7);
	t.regex(stdout, /^[\d.]+.*\nno line$/);
	t.not(stdout.split('\n')[0], (await execa('uname', ['-r'])).stdout);
	t.is(stderr, 'aside\n');
});

test.serial('a command begins when the clock is past the ten seconds in which ovs-vswitchd loses packets', async t => {
	const {stdout} = await vm([...uml, '--', 'node', '-p', 'process.hrtime()[0]']);
	t.true(Number(stdout) >= 10, stdout);
});

test.serial('files are there at their paths, and what is written stays in a shared directory only', async t => {
	const [shared, other] = [directory(t), directory(t)];
	writeFileSync(join(shared, 'given'), 'given');
	const {exitCode, stderr} = await vm([...uml, '--share', shared, '--', 'sh', '-c', `test -x ${script} && cat ${shared}/given >${shared}/taken && echo lost >${other}/lost && test -s ${other}/lost`]);
	t.is(exitCode, 0, stderr);
	t.is(readFileSync(join(shared, 'taken'), 'utf8'), 'given');
	t.deepEqual(readdirSync(other), []);
});

/** What a command leaves behind has begun before the command ends, however slow the machine is. */
const [began, untilBegun] = ['touch /tmp/begun', 'until test -e /tmp/begun; do sleep 0.1; done'];

test.serial('a program that the command leaves behind holds its output open, and is ended with all it has written', async t => {
	const {exitCode, stdout, stderr} = await vm([...uml, '--timeout', String(Math.ceil(2 * longPatience / 1000)), '--', 'sh', '-c', `(echo left; ${began}; exec sleep 600) & ${untilBegun}; echo aside >&2; sleep 600 >&2 &`]);
	t.is(exitCode, 0, stderr);
	t.is(stdout, 'left\n');
	t.is(stderr, 'aside\n');
});

test.serial('a reader who pauses gets every byte, also of a program that the command leaves behind', async t => {
	const shared = directory(t);
	const passed = join(shared, 'passed');
	const running = execa(script, [...uml, '--share', shared, '--', 'sh', '-c', `(seq 9999; ${began}; exec seq 10000 160000) & ${untilBegun}; (sleep 4; touch ${passed}) >/dev/null 2>&1 &`], {reject: false, stdin: 'ignore', buffer: {stdout: false}});
	running.stdout.pause();
	const paused = await eventually(() => existsSync(passed));
	const read = await text(running.stdout);
	t.is((await running).exitCode, 0);
	t.true(paused, 'the machine is up when the pause is over');
	t.is(read.length, 1_008_895);
	t.true(read.endsWith('\n160000\n'), read.slice(-20));
});

test.serial('when time is up the machine is ended', async t => {
	const machine = begin('--timeout', '4', '--', 'sleep', '600');
	t.true(await eventually(() => machine.home() !== undefined), 'the machine runs');
	const home = machine.home() ?? '';
	const {exitCode, stderr} = await machine.running;
	t.is(exitCode, 124);
	const mappings = Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'));
	const advice = `\nvm: If a program of more than ${Math.floor(mappings / 256)} MB stood still there: sysctl vm.max_map_count=524288 on this machine, and try again.`;
	t.is(stderr, `vm: The time of 4 s is up; the virtual machine has been ended.${mappings < 524_288 ? advice : ''}`);
	await isGone(t, machine, home);
});

for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
	test.serial(`${signal} ends the machine, and leaves nothing`, async t => {
		const machine = begin('--', 'sh', '-c', 'echo up; exec sleep 600');
		const {running} = machine;
		await new Promise(resolve => {
			running.stdout.once('data', resolve);
		});
		const home = machine.home() ?? '';
		t.true(existsSync(home));
		running.kill(signal);
		t.is((await running).exitCode, status);
		await isGone(t, machine, home);
	});
}

test.serial('at a terminal: the prompt of securenet, which has its name there, and Ctrl-C for what runs there', async t => {
	const terminal = new Terminal();
	t.teardown(async () => terminal.close());
	await terminal.start([script, ...uml, '--', 'securenet', 'run', 'single,2']);
	await terminal.shows(/^securenet>$/m);
	await terminal.line('h1 ping h2');
	await terminal.shows(/bytes from/);
	await terminal.press('C-c');
	await terminal.shows(/packet loss[^]*securenet>$/);
	await terminal.line('h1 uname -n');
	await terminal.shows(/^vm$/m);
	await terminal.line('exit');
	t.is(await terminal.exitStatus(), 0);
});
