import test from 'ava';
import {execa} from 'execa';
import {takeTurn} from '../helpers/cleaning.ts';
import {objects, securenet} from '../helpers/cli.ts';
import {uniqueName} from '../helpers/names.ts';

const name = uniqueName();
const lab = securenet(['run', 'topologies/securenet.ts', '--name', name], {open: true});

test.before('a lab runs in another process', async () => {
	lab.stdin.write('h10 echo up\n');
	await new Promise(resolve => lab.stdout.once('data', resolve));
});

test.after.always('it ends with its input', async t => {
	lab.stdin.end();
	t.is((await lab).exitCode, 0);
});

const keeps = test.macro({
	title: (_, argv: string[], exitCode: number) => `exec ${argv.join(' ')} ends with ${exitCode}`,
	async exec(t, argv: string[], exitCode: number, stdout: string, stderr: string) {
		const result = await securenet(['exec', name, 'h10', '--', ...argv]);
		t.is(result.stdout, stdout);
		t.is(result.stderr, stderr);
		t.is(result.exitCode, exitCode);
	},
});

test(keeps, ['true'], 0, '', '');
test(keeps, ['sh', '-c', 'exit 42'], 42, '', '');
test(keeps, ['sh', '-c', 'kill -KILL $$'], 137, '', '');
test(keeps, ['no-such-program'], 127, '', 'no-such-program: command not found');
test(keeps, ['/etc'], 126, '', '/etc: EACCES');
test(keeps, ['echo', '$(id)', '--json', '-c', 'a b'], 0, '$(id) --json -c a b', '');
test(keeps, ['sh', '-c', 'echo $OVS_RUNDIR'], 0, `/run/securenet/${name}/ovs`, '');

test('exec runs in the node\'s network', async t => {
	const {stdout} = await securenet(['exec', name, 'h30', '--', 'ip', '-brief', '-4', 'address']);
	t.regex(stdout, /10\.0\.30\.30\/24/);
});

test('exec passes standard input on', async t => {
	const {stdout} = await securenet(['exec', name, 'h10', '--', 'cat'], {input: 'one\ntwo'});
	t.is(stdout, 'one\ntwo');
});

for (const signal of ['SIGTERM', 'SIGQUIT'] as const) {
	test(`exec passes ${signal} on`, async t => {
		const run = securenet(['exec', name, 'h10', '--', 'sh', '-c', 'trap "echo ended; exit 5" INT; echo ready; while :; do sleep 0.1; done']);
		run.stdout.once('data', () => run.kill(signal));
		const {exitCode, stdout} = await run;
		t.is(stdout, 'ready\nended');
		t.is(exitCode, 5);
	});
}

test('exec names the nodes it knows', async t => {
	const {exitCode, stderr} = await securenet(['exec', name, 'h1', '--', 'true']);
	t.is(exitCode, 125);
	t.regex(stderr, /no host or router "h1".*Did you mean h10/);
});

test('list, inspect and env', async t => {
	const [labs] = objects((await securenet(['list', '--json'])).stdout) as unknown as [Array<Record<string, unknown>>];
	const listed = labs.find(each => each['name'] === name);
	t.like(listed, {pid: lab.pid, topology: 'securenet', directory: `/run/securenet/${name}`, nodes: ['fw', 'h10', 'h11', 'h20', 'h21', 'h30', 'h31']});
	t.false(Number.isNaN(Date.parse(String(listed?.['started']))));
	t.regex((await securenet(['list'])).stdout, new RegExp(`^${name} +${lab.pid ?? ''} +securenet +7 `, 'm'));
	const [inspected] = objects((await securenet(['inspect', name, '--json'])).stdout);
	t.like(inspected, {name, namespaces: {h10: `${name}.h10`}});
	t.regex((await securenet(['inspect', name])).stdout, new RegExp(`^h10 +ip netns exec ${name}\\.h10`, 'm'));
	const [environment] = objects((await securenet(['env', name, '--json'])).stdout);
	t.is(environment?.['OVS_RUNDIR'], `/run/securenet/${name}/ovs`);
});

test('the output of env is for a shell', async t => {
	const {stdout: script} = await securenet(['env', name]);
	const {stdout} = await execa('sh', ['-c', `${script}; ovs-vsctl list-br`]);
	t.is(stdout, 's1\ns2\ns3');
});

test('clean leaves a lab alone that runs', async t => {
	await takeTurn(t);
	const {exitCode, stdout} = await securenet(['clean', '--json']);
	t.is(exitCode, 0);
	const [report] = objects(stdout);
	t.false((report?.['labs'] as string[]).includes(name));
	t.is((await securenet(['exec', name, 'h10', '--', 'true'])).exitCode, 0);
});

test('doctor', async t => {
	const {exitCode, stdout} = await securenet(['doctor', '--json']);
	const [report] = objects(stdout) as unknown as [{capabilities: Array<{name: string; available: boolean}>; settings: unknown[]}];
	t.is(exitCode, 0);
	t.true(report.capabilities.find(each => each.name === 'root')?.available);
	t.true(Array.isArray(report.settings));
	t.regex((await securenet(['doctor'])).stdout, /^ok +root/m);
});
