import {chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {once} from 'node:events';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {LoadError} from '../../lib/commands/load-error.ts';
import {type LineResult, runLine} from '../../lib/commands/run-line.ts';
import type {Lab} from '../../lib/lab.ts';
import type {Policy, Rule} from '../../lib/policy/model.ts';
import {addRule, addService} from '../../lib/policy/repository.ts';
import {policyLines} from '../../lib/policy/save.ts';
import {scene} from '../helpers/scene.ts';

const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
test.after.always(() => {
	rmSync(directory, {recursive: true});
});

/** Enough of a lab for its policy to change; counts the changes. */
function labWith(policy: Policy = scene.policy): Lab & {changes: number} {
	const lab = {
		...scene,
		policy,
		changes: 0,
		async change(edit: (now: Policy) => Policy) {
			lab.changes++;
			lab.policy = edit(lab.policy);
			return Promise.resolve({devices: [], cut: 0});
		},
	};
	return lab as unknown as Lab & {changes: number};
}

async function run(lab: Lab, line: string): Promise<LineResult> {
	const result = await runLine(lab, line);
	if (!result) {
		throw new TypeError(`"${line}" has words`);
	}

	return result;
}

function file(name: string, ...lines: readonly string[]): string {
	const path = join(directory, name);
	writeFileSync(path, lines.join('\n'));
	return path;
}

test('what is saved loads into an empty lab', async t => {
	const path = join(directory, 'saved');
	const saved = await run(labWith(), `secrule save ${path}`);
	t.deepEqual(saved.result, {file: path, rules: 1});
	t.is(saved.text, '1 rule saved');
	t.deepEqual(readFileSync(path, 'utf8').split('\n'), [...policyLines(scene.policy), '']);
	t.is(statSync(path).mode & 0o777, 0o644);

	const empty = labWith({...scene.policy, groups: new Map(), ipgs: new Map(), rules: []});
	const loaded = await run(empty, `secrule load ${path}`);
	t.deepEqual(loaded.result, {file: path, rules: 1, devices: [], cut: 0});
	t.deepEqual(policyLines(empty.policy), policyLines(scene.policy));
	t.is(empty.policy.rules[0]?.id, scene.policy.nextId);
});

test('the whole policy is replaced, by one change', async t => {
	const lab = labWith();
	const path = file('other', '# another policy', '', 'h11 bind mail', 'secrule add deny any to mail name front  # nobody', 'secrule add allow h10 to mail before front');
	t.is((await run(lab, `secrule load ${path}`)).error, undefined);
	t.is(lab.changes, 1);
	t.deepEqual(policyLines(lab.policy), ['mode stateful', 'secrule revoke cut', 'h11 bind mail', 'secrule add allow h10 to mail', 'secrule add deny any to mail name front']);
});

test('what is refused at the prompt because no packet can meet it is loaded when a program made it', async t => {
	const ports = [{first: 0, last: 0}];
	const any = {kind: 'any'} as const;
	const made = labWith(addRule(addService(scene.policy, scene.network.nodes, 'zero', [{protocol: 'tcp', dport: ports}]), {action: 'allow', from: any, to: any, traffic: {kind: 'ports', protocol: 'udp', dport: ports}}));
	const path = join(directory, 'made');
	t.is((await run(made, `secrule save ${path}`)).error, undefined);
	const lab = labWith();
	t.is((await run(lab, `secrule load ${path}`)).error, undefined);
	t.deepEqual(policyLines(lab.policy), policyLines(made.policy));
});

for (const [line, column] of [
	['secrule add allow any to any tcp dport 0', 40],
	['secrule add allow any to any tcp dport {0-1023, 0}', 49],
	['secrule plan allow any to any tcp dport 0', 41],
	['secrule service add zero tcp/80 udp/0', 37],
] as const) {
	test(`port 0 alone is refused: ${line}`, async t => {
		const lab = labWith();
		const {error} = await run(lab, line);
		t.like(error?.toJSON(), {code: 'port', message: '"0" is no port. Give 1 to 65535.', column, expected: ['port', 'first-last', 'name of a port'], nearest: []});
		t.is(lab.changes, 0);
	});
}

test('however many rules are added, each is put into words once', async t => {
	let times = 0;
	const [rule] = scene.policy.rules;
	const counted = Object.defineProperty({...rule}, 'traffic', {get() {
		times++;
		return rule?.traffic;
	}}) as Rule;
	const lab = labWith({...scene.policy, rules: [counted]});
	for (const port of [1, 2, 3]) {
		t.is((await run(lab, `secrule add allow web to db tcp dport ${port}`)).error, undefined);
	}

	t.is(times, 1);
});

test('a file with mistakes changes nothing, and every mistake is told with its place', async t => {
	const lab = labWith();
	const path = file('wrong', 'mode stateles', 'h10 bind web', 'secrule add allow wep to web tcp dport 90-80', 'secrule add allow web to web tcp dport 90-80', 'nodes', 'h99 bind web', 'sg add web');
	const result = await run(lab, `secrule load ${path}`);
	t.is(lab.policy, scene.policy);
	const {error} = result;
	if (!(error instanceof LoadError)) {
		t.fail();
		return;
	}

	t.deepEqual(error.mistakes.map(({code, details}) => [details.line, details.column, code]), [
		[1, 6, 'syntax'],
		[3, 19, 'unknown-peer'],
		[4, 40, 'port'],
		[5, 1, 'load'],
		[6, 1, 'unknown-command'],
		[7, 8, 'name-taken'],
	]);
	t.regex(error.message, /^The file has mistakes; the policy is as before\.\n {2}\S+wrong:1:6: "stateles" stands where.*Did you mean stateless or stateful\?/);
	t.like(JSON.parse(JSON.stringify(result)), {error: {code: 'load', column: 14, file: path, mistakes: [{code: 'syntax', line: 1, column: 6}]}});
});

test('more mistakes than anybody reads are counted', async t => {
	const {error} = await run(labWith(), `secrule load ${file('many', ...Array.from({length: 25}, () => 'sg del nobody'))}`);
	t.is(error?.message.split('\n').length, 22);
	t.regex(error?.message ?? '', /\n {2}and 5 more$/);
});

const unsaved = test.macro({
	title: (_, what: string) => `a policy is not saved over ${what}`,
	async exec(t, _what: string, path: string, says: RegExp) {
		const {error} = await run(labWith(), `secrule save ${path}`);
		t.is(error?.code, 'file');
		t.is(error?.details.column, 14);
		t.regex(error?.message ?? '', says);
	},
});

mkdirSync(join(directory, 'folder'));
test(unsaved, 'a directory', join(directory, 'folder'), /is no file that could be replaced/);
test(unsaved, 'what a slash says is a directory', `${join(directory, 'none')}/`, /is no file that could be replaced/);
test(unsaved, 'a file in no directory', join(directory, 'nowhere', 'file'), /ENOENT/);
test(unsaved, 'a file in a file', join(directory, 'saved-here', 'file'), /ENOTDIR|ENOENT/);

test('a policy is not saved over what is no file', async t => {
	// A socket of its own stands for devices too: a test that fails must not replace one of the machine's.
	const path = join(directory, 'socket');
	const socket = createServer().listen(path);
	await once(socket, 'listening');
	const {error} = await run(labWith(), `secrule save ${path}`);
	t.regex(error?.message ?? '', /is no file that could be replaced/);
	t.true(statSync(path).isSocket());
	socket.close();
});

test('a link keeps leading to the file, which is replaced and not written into', async t => {
	const target = file('target', 'old');
	chmodSync(target, 0o600);
	symlinkSync(target, join(directory, 'link'));
	linkSync(target, join(directory, 'hard'));
	t.is((await run(labWith(), `secrule save ${join(directory, 'link')}`)).error, undefined);
	t.deepEqual(readFileSync(target, 'utf8').split('\n'), [...policyLines(scene.policy), '']);
	t.is(statSync(target).mode & 0o777, 0o600);
	t.is(readFileSync(join(directory, 'hard'), 'utf8'), 'old');
	t.deepEqual(readdirSync(directory).filter(name => name.startsWith('.target') || name.startsWith('.link')), []);
});

test('files that cannot be read are no policy', async t => {
	t.like((await run(labWith(), 'secrule load /nonexistent/file')).error?.toJSON(), {code: 'file', column: 14});
	t.false(existsSync('/nonexistent'));
});
