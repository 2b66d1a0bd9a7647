/** Programs: their results, their failures, their ends. */
import {spawnSync} from 'node:child_process';
import {readFileSync, rmSync, watch} from 'node:fs';
import test from 'ava';
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {ProgramError, execute, run} from '../../lib/kernel/process.ts';
import {findProgram} from '../../lib/kernel/programs.ts';
import {MachineError} from '../../lib/util/errors.ts';
import {testDirectory, testNamespaces} from '../helpers/fabric.ts';

const executes = test.macro({
	exec: async (t, argv: readonly string[], exitCode: number, stdout: string, stderr: string) => {
		t.deepEqual(await execute(argv), {exitCode, stdout, stderr});
	},
	title: (_, argv: readonly string[]) => `execute ${argv.join(' ')}`,
});

test(executes, ['printf', 'a\\n\\n'], 0, 'a\n\n', '');
test(executes, ['false'], 1, '', '');
test(executes, ['sh', '-c', 'echo no >&2; exit 7'], 7, '', 'no\n');
test(executes, ['sh', '-c', 'kill -TERM $$'], 143, '', '');
test(executes, ['no-such-program'], 127, '', 'no-such-program: command not found\n');
test(executes, ['/etc/passwd'], 126, '', '/etc/passwd: EACCES\n');
test(executes, ['echo', '$(id); `id`\n"'], 0, '$(id); `id`\n"\n', '');

test('a command does not read what is meant for the prompt', async t => {
	t.is((await execute(['cat'])).stdout, '');
});

test('a command out of time ends with 124', async t => {
	t.is((await execute(['sleep', '60'], {timeout: 100})).exitCode, 124);
});

test('an interrupted command ends with all it started', async t => {
	const marker = `60.${process.pid}`;
	const {exitCode} = await execute(['sh', '-c', `sleep ${marker} & sleep ${marker}; exit 9`], {signal: AbortSignal.timeout(100)});
	t.is(exitCode, 130);
	t.is(spawnSync('pgrep', ['-f', `sleep ${marker}`]).stdout.toString(), '');
});

test('a command that ignores SIGINT gets SIGTERM', async t => {
	const directory = testDirectory();
	const stop = new AbortController();
	// On a busy machine the shell takes a while until it ignores anything.
	const watcher = watch(directory, () => {
		stop.abort();
	});
	t.teardown(() => {
		watcher.close();
		rmSync(directory, {recursive: true});
	});
	const {exitCode} = await execute(['sh', '-c', `trap "" INT; trap "exit 5" TERM; : >${directory}/ready; while :; do sleep 0.05; done`], {signal: stop.signal});
	t.is(exitCode, 5);
});

test.serial('a command has a second between SIGTERM and SIGKILL, also when this program was too busy to send the one in time', async t => {
	const directory = testDirectory();
	const stop = new AbortController();
	const watcher = watch(directory, () => {
		stop.abort();
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
	});
	t.teardown(() => {
		watcher.close();
		rmSync(directory, {recursive: true});
	});
	const {exitCode} = await execute(['sh', '-c', `trap "" INT; trap "sleep 0.3; exit 5" TERM; : >${directory}/ready; while :; do sleep 0.05; done`], {signal: stop.signal});
	t.is(exitCode, 5);
});

test('what a command left running holds its pipes, and is not waited for', async t => {
	const begin = performance.now();
	const {exitCode, stdout} = await execute(['sh', '-c', 'echo a; setsid -f sleep 15; echo b; exit 3'], {timeout: 20_000});
	t.deepEqual([exitCode, stdout], [3, 'a\nb\n']);
	t.true(performance.now() - begin < 10_000);
	await run(['setsid', '-f', 'sleep', '15'], {timeout: 20_000});
	t.true(performance.now() - begin < 10_000);
});

test('what a command left running and goes on writing is not waited for', async t => {
	const begin = performance.now();
	t.is((await execute(['setsid', '-f', 'timeout', '15', 'sh', '-c', 'while echo x; do sleep 0.02; done'])).exitCode, 0);
	t.true(performance.now() - begin < 10_000);
});

test('an interrupted command ends though what has left its group holds the pipes', async t => {
	const begin = performance.now();
	const {exitCode} = await execute(['sh', '-c', 'setsid -f sleep 15; sleep 15'], {signal: AbortSignal.timeout(300)});
	t.is(exitCode, 130);
	t.true(performance.now() - begin < 10_000);
});

const cutOff = 'a command whose output is cut off says so';
const [large, title] = readFileSync('/proc/cpuinfo', 'utf8').includes('User Mode Linux')
	// Behind the title, as test/helpers/needing.ts does.
	? [test.skip, `${cutOff}: it takes half a gigabyte, for which User Mode Linux needs more mappings than its host may allow (vm.max_map_count).`] as const
	: [test, cutOff] as const;
large(title, async t => {
	const {exitCode, stdout, stderr} = await execute(['head', '--bytes', String(150 << 20), '/dev/zero']);
	t.true(stdout.length >= 100 << 20);
	t.not(exitCode, 0);
	t.regex(stderr, /^head: wrote more than 100 MB; the rest is lost\n$/m);
});

test('run gives input and returns output', async t => {
	t.deepEqual(await run(['cat'], {input: 'x\n'}), {exitCode: 0, stdout: 'x\n', stderr: ''});
});

const runFails = test.macro(async (t, argv: readonly string[], message: string, timeout?: number) => {
	await t.throwsAsync(run(argv, {timeout}), {instanceOf: ProgramError, message});
});

test('run names an exit status and the program\'s words', runFails, ['sh', '-c', 'echo why >&2; exit 3'], 'sh failed with exit status 3: why');
test('run names a signal', runFails, ['sh', '-c', 'kill -KILL $$'], 'sh was ended by SIGKILL.');
test('run names a time limit', runFails, ['sleep', '60'], 'sleep did not end within 0.2 s.', 200);

test('run says which package has a missing program', async t => {
	await t.throwsAsync(run(['conntrack-missing']), {instanceOf: MachineError, message: /conntrack-missing is missing/});
});

test('a program runs in its namespace, and its error names it', async t => {
	const [namespace] = testNamespaces('a');
	t.teardown(() => {
		deleteNamespaces(namespace ? [namespace] : []);
	});
	t.notRegex((await run(['ip', '-br', 'link'], {namespace})).stdout, /eth0/);
	t.regex((await run(['ip', '-br', 'link'], {namespace})).stdout, /^lo +DOWN/);
	await t.throwsAsync(run(['false'], {namespace}), {message: `false in ${namespace?.name ?? ''} failed with exit status 1.`});
});

test('programs are found by name', t => {
	t.regex(findProgram('ip') ?? '', /\/ip$/);
	t.is(findProgram('no-such-program'), undefined);
});
