import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {type LineResult, runLine} from '../../lib/commands/run-line.ts';
import {type ExecuteOptions, type Output, execute} from '../../lib/kernel/process.ts';
import type {Lab} from '../../lib/lab.ts';
import type {Policy} from '../../lib/policy/model.ts';
import {scene} from '../helpers/scene.ts';

/** Enough of a lab for lines that only read. */
const lab = {...scene, network: {...scene.network, environment: () => ({})}} as unknown as Lab;

async function run(line: string): Promise<LineResult> {
	const result = await runLine(lab, line);
	if (!result) {
		throw new TypeError(`"${line}" has words`);
	}

	return result;
}

const isNothing = test.macro({
	title: (_, line: string) => `${JSON.stringify(line)} is nothing to run`,
	async exec(t, line: string) {
		t.is(await runLine(lab, line), undefined);
	},
});

for (const line of ['', '   ', '# a comment', 'securenet> ', 'securenet>', 'Securenet] # later', '-', '- # maybe']) {
	test(isNothing, line);
}

const reads = test.macro({
	title: (_, line: string) => `${JSON.stringify(line)} is read`,
	async exec(t, line: string, shown: string, mayFail: boolean) {
		const result = await run(line);
		t.is(result.line, shown);
		t.is(result.mayFail, mayFail);
		t.deepEqual(result.result, ['h10']);
	},
});

test(reads, 'sghosts web', 'sghosts web', false);
test(reads, '  sghosts   web  # who?', 'sghosts   web  # who?', false);
test(reads, 'securenet> sghosts web', 'sghosts web', false);
test(reads, 'Securenet] sghosts web', 'sghosts web', false);
test(reads, '-sghosts web', '-sghosts web', true);
test(reads, 'securenet> - sghosts web\r', '- sghosts web', true);

const prints = test.macro({
	title: (_, line: string) => `${line} prints`,
	async exec(t, line: string, text: string) {
		t.is((await run(line)).text, text);
	},
});

test(prints, 'sghosts web', '0: h10');
test(prints, 'sghosts web --json', '["h10"]');
test(prints, 'sg list', 'group  hosts\ndb     1\nweb    1');
test(prints, 'ipg list', '0: office');
test(prints, 'secrule ipg show office', '0: 10.1.0.0/16');
test(prints, 'mode', 'stateful');
test(prints, 'secrule revoke', 'cut');
test(prints, 'secrule service list', 'service  ports');
test(prints, 'help nodes', 'nodes  all nodes, their kinds and addresses');
test(prints, 'sh echo "it\'s" \'$HOME\' # not ours', 'it\'s $HOME');

const fails = test.macro({
	title: (_, line: string, code: string) => `${line}: ${code}`,
	async exec(t, line: string, code: string, column: number) {
		const {ok, error, text, result} = await run(line);
		t.false(ok);
		t.is(error?.code, code);
		t.is(error?.details.column, column);
		t.is(text, '');
		t.is(result, undefined);
	},
});

test(fails, 'pingal', 'unknown-command', 1);
test(fails, '-pingal', 'unknown-command', 2);
test(fails, 'securenet> pingal', 'unknown-command', 1);
test(fails, 'time   pingal', 'unknown-command', 8);
test(fails, '-time time pingal', 'unknown-command', 12);
test(fails, 'time # nothing', 'syntax', 6);
test(fails, 'sh', 'syntax', 3);
test(fails, 'secrule save', 'syntax', 13);
test(fails, 'secrule service add web tcp/1', 'name-taken', 21);
test(fails, 'sghosts "web', 'quote', 9);
test(fails, 'sghosts', 'syntax', 8);
test(fails, 'sghosts --json', 'syntax', 8);
test(fails, 'source /nonexistent/file', 'file', 8);

test('results and errors have one JSON shape', async t => {
	const shape = (result: LineResult) => {
		const {ms, ...rest} = JSON.parse(JSON.stringify(result)) as {ms: number};
		t.is(typeof ms, 'number');
		return rest;
	};

	t.deepEqual(shape(await run('sghosts web')), {line: 'sghosts web', ok: true, result: ['h10']});
	t.deepEqual(shape(await run('sh exit 3')), {line: 'sh exit 3', ok: false, result: {exitCode: 3, stdout: '', stderr: ''}});
	t.deepEqual(shape(await run('flows h10')), {
		line: 'flows h10',
		ok: false,
		error: {code: 'wrong-kind', message: 'h10 is a host; a switch belongs here: s1, s2, s3.', column: 7, expected: ['switch'], nearest: []},
	});
});

test('time keeps the result of its line', async t => {
	const {ok, text, result} = await run('time sh exit 3');
	t.false(ok);
	t.regex(text, /^\d\.\d{3} s$/);
	t.like(JSON.parse(JSON.stringify(result)), {line: 'sh exit 3', ok: false, result: {exitCode: 3}});
});

test('a failure says what failed', async t => {
	t.is((await run('sghosts web')).failure, undefined);
	t.is((await run('sh exit 3')).failure?.message, '"sh exit 3" failed with exit status 3.');
	t.is((await run('pingal')).failure?.code, 'unknown-command');
});

test('a mistake of the program is said to be one, and is no exception', async t => {
	const {error} = await run('dump');
	t.is(error?.code, 'internal');
	t.regex(error?.message ?? '', /^This is a mistake in SecureNet, not in the line: .* \(at .*\)\. The lab goes on\.$/);
});

test('what a command in the background prints is not kept', async t => {
	const ended: Array<Promise<Output>> = [];
	const node = {
		async execute(argv: string[], options: ExecuteOptions) {
			const output = execute(argv, options);
			ended.push(output);
			return output;
		},
	};
	const result = await runLine({...scene, node: () => node} as unknown as Lab, 'h10 sh -c "echo said; echo complained >&2" &');
	t.is(result?.text, '1 in the background; dump lists them');
	t.deepEqual(await Promise.all(ended), [{exitCode: 0, stdout: '', stderr: ''}]);
});

test('a rule that is added is told its own id, whatever is added meanwhile', async t => {
	const busy = {
		...scene,
		policy: scene.policy,
		async change(edit: (policy: Policy) => Policy) {
			const after = edit(busy.policy);
			busy.policy = {...after, nextId: after.nextId + 5};
			return Promise.resolve({devices: [], cut: 0});
		},
	};
	const result = await runLine(busy as unknown as Lab, 'secrule add allow web to db');
	t.like(result?.result, {id: scene.policy.nextId, sentence: 'allow web to db'});
});

test('what was added is told as it reads back', async t => {
	const lab = {
		...scene,
		policy: {...scene.policy, stateful: false},
		async change(edit: (policy: Policy) => Policy) {
			lab.policy = edit(lab.policy);
			return Promise.resolve({devices: [], cut: 0});
		},
	};
	const result = await runLine(lab as unknown as Lab, 'secrule add allow (web,db) to not h10 after 1 tcp dport {http,81} stateful name front');
	t.is(result?.text, '2  allow (web, db) to not h10 tcp dport 80-81 stateful name front');
	t.deepEqual((await runLine(lab as unknown as Lab, 'secrule move front before 1'))?.result, {devices: [], cut: 0});
	t.deepEqual(lab.policy.rules.map(({id}) => id), [2, 1]);
	t.is((await runLine(lab as unknown as Lab, 'mode stateful'))?.text, 'stateful');
	t.true(lab.policy.stateful);
	await runLine(lab as unknown as Lab, 'secrule del front 1');
	t.deepEqual(lab.policy.rules, []);
});

test('exit, quit and EOF leave, also from inside other lines', async t => {
	for (const line of ['exit', 'quit', 'EOF', 'time exit']) {
		t.true((await run(line)).leaves, line);
	}

	t.false((await run('sg list')).leaves);
});

test('an interrupted line fails', async t => {
	const result = await runLine(lab, 'sh sleep 10', {signal: AbortSignal.timeout(100)});
	t.false(result?.ok);
	t.true((result?.ms ?? 0) < 5000);
});

async function source(t: {teardown(work: () => void): void}, text: string, results: LineResult[] = []): Promise<{result: LineResult; lines: string[]; file: string}> {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	const file = join(directory, 'lines');
	writeFileSync(file, text.replaceAll('SELF', file));
	const result = await runLine(lab, `source ${file}`, {
		report(inner) {
			results.push(inner);
		},
	});
	return {result: result ?? await run(''), lines: results.map(({line}) => line), file};
}

test('source runs lines up to the first that fails', async t => {
	const {result, lines, file} = await source(t, '# first\nsg list\n\n-sh exit 1\nsh exit 2\nsg list\n');
	t.deepEqual(lines, ['sg list', '-sh exit 1', 'sh exit 2']);
	t.false(result.ok);
	t.deepEqual(result.result, {file, ran: 3, failed: 5, left: false});
	t.is(result.text, `${file}:5 failed; the lines after it were not run.`);
});

test('a line of a sourced file that fails is named by its number', async t => {
	const results: LineResult[] = [];
	await source(t, '\n# first\npingal\n', results);
	t.like(JSON.parse(JSON.stringify(results[0])), {line: 'pingal', number: 3, error: {code: 'unknown-command', line: 3, column: 1}});
	t.is((await run('pingal')).error?.details.line, undefined);
});

test('exit in a sourced file leaves', async t => {
	const {result, lines} = await source(t, 'exit\nsg list\n');
	t.deepEqual(lines, ['exit']);
	t.true(result.ok);
	t.true(result.leaves);
});

test('a file that sources itself ends', async t => {
	const {result, lines} = await source(t, 'source SELF\n');
	t.false(result.ok);
	t.is(lines.length, 16);
});

const reachesNoShell = test.macro({
	title: (_, line: string) => `${JSON.stringify(line).slice(0, 40)} is an error with a message`,
	async exec(t, line: string) {
		const {ok, error} = await run(line);
		t.false(ok);
		t.truthy(error?.message);
		t.not(error?.code, 'internal');
		t.true((error?.message.length ?? 0) < 400);
		t.notRegex(error?.message ?? '', /[\u0000-\u0008\u000B-\u001F]/);
	},
});

for (const line of ['nodes; touch /tmp/x', '$(touch /tmp/x)', '`touch /tmp/x`', '\u001B[2J', 'x'.repeat(10_000), 'sghosts \u0007', `sghosts ${'y'.repeat(10_000)}`, 'sghosts web\nnodes', 'h10 bind "a b"', 'h10 bind ;', 'secrule add allow $(id) to any', '|', '&', '--json', '"" ""', '\\']) {
	test(reachesNoShell, line);
}
