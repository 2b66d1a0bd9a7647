import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import test from 'ava';
import {runningLabs} from '../../lib/network/journal.ts';
import RouterAsSwitch from '../../topologies/router-as-switch.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';
import {longPatience, patience} from '../helpers/patience.ts';
import {objects, securenet} from '../helpers/cli.ts';

const runs = test.macro({
	title: (_, name: string) => name,
	async exec(t, _name: string, args: string[], expected: {exitCode: number; stdout?: string | RegExp; stderr?: string | RegExp; input?: string}) {
		const {exitCode, stdout, stderr} = await securenet(['run', 'single,2', '--name', uniqueName(), ...args], {input: expected.input ?? ''});
		for (const [actual, wanted] of [[stdout, expected.stdout ?? ''], [stderr, expected.stderr ?? '']] as const) {
			if (typeof wanted === 'string') {
				t.is(actual, wanted);
			} else {
				t.regex(actual, wanted);
			}
		}

		t.is(exitCode, expected.exitCode);
	},
});

test.serial(runs, 'no lines at all', [], {exitCode: 0});
test.serial(runs, 'a line of -c', ['-c', 'h1 echo h2 "h2" h2:80'], {exitCode: 0, stdout: '10.0.0.2 h2 h2:80'});
test.serial(runs, 'lines of -c in their order', ['-c', 'h1 echo 1', '-c', 'h2 echo 2'], {exitCode: 0, stdout: '1\n2'});
test.serial(runs, 'a command that fails stops the rest', ['-c', 'h1 echo 1', '-c', 'h1 sh -c "exit 7"', '-c', 'h1 echo 2'], {exitCode: 1, stdout: '1', stderr: '"h1 sh -c "exit 7"" failed with exit status 7.'});
test.serial(runs, 'after - the rest goes on', ['-c', '-h1 false', '-c', '-pingal', '-c', 'h1 echo 2'], {exitCode: 0, stdout: '2', stderr: /^-pingal\n \^\n/});
test.serial(runs, 'a mistake stops with status 2', ['-c', 'secrule add alow any to any', '-c', 'h1 echo 2'], {exitCode: 2, stderr: /^secrule add alow any to any\n {12}\^\n.*Did you mean allow\?/});
test.serial(runs, 'lines of standard input', [], {exitCode: 0, input: '# comment\n\nh1 echo 1\nsecurenet> h1 echo 2\nexit\nh1 echo 3\n', stdout: '1\n2'});
test.serial(runs, 'a command reads nothing', [], {exitCode: 0, input: 'h1 cat\nh1 sh -c "read x; echo =$x="\n', stdout: '=='});
test.serial(runs, 'what a shell would do does not happen', ['-c', 'h1 echo $(id) ";" "|" ">" /tmp/x `id` * ~ $HOME "&&" true'], {exitCode: 0, stdout: '$(id) ; | > /tmp/x `id` * ~ $HOME && true'});
test.serial(runs, 'a transcript', ['--transcript', '-c', 'sg list', '-c', '-sghosts x'], {exitCode: 0, stdout: /^securenet> sg list\ngroup {2}hosts\nsecurenet> -sghosts x\n-sghosts x\n {9}\^\nThere is no group "x"\./});
test.serial(runs, 'times', ['--time'], {exitCode: 0, stderr: /^up \d+\.\d{3} s\ndown \d+\.\d{3} s$/});
test.serial(runs, 'bridges and permanent neighbours', ['--switch', 'bridge', '--arp', '-c', 'nodes', '-c', 'h1 ip neighbor show'], {exitCode: 0, stdout: /^s1 {2}bridge\n(?:.*\n)*10\.0\.0\.2 dev h1-eth0 lladdr \S+ PERMANENT/});
test.serial(runs, 'a lost pair fails', ['-c', 'h2 bind web', '-c', 'pingall 0.2'], {exitCode: 1, stdout: 'h1 -> h2: no answer\n1 of 2 received, 1 lost', stderr: '"pingall 0.2" failed.'});
test.serial(runs, 'Open vSwitch answers in sh', ['-c', 'sh ovs-vsctl list-br'], {exitCode: 0, stdout: 's1'});
test.serial(runs, 'names in hostile lines', ['-c', '-h1 bind ../../etc', '-c', '-h1 bind $(id)', '-c', '-secrule ipg add x 1;2', '-c', 'sg list'], {exitCode: 0, stdout: 'group  hosts', stderr: /\.\.\/\.\.\/etc/});

test.serial('a story in JSON', async t => {
	const lines = ['h1 bind web', 'secrule add allow h2 to web', 'h2 ping -c 1 -W 5 h1', 'secrule list', 'sg list', 'secrule ipg add office 10.1.0.0/16 !10.1.2.3', 'ipg show office', '-h1 ping -c 1 -W 0.2 10.9.9.9', 'pingpair', 'secrule del 1', '-pingall 0.2', 'flows s1', 'secrule shw 1'];
	const {stdout, stderr, exitCode} = await securenet(['run', 'single,2', '--name', uniqueName(), '--json', ...lines.flatMap(line => ['-c', line])]);
	t.is(stderr, '');
	t.is(exitCode, 2);
	const all = objects(stdout);
	t.deepEqual(all.map(({line}) => line), lines);
	t.true(all.every(({ms}) => typeof ms === 'number'));
	const [bound, added, pinged, listed, groups, , office, lost, pair, deleted, pingall, flows, mistake] = all;
	t.like(bound, {ok: true, result: {devices: ['s1']}});
	t.like(added, {ok: true, result: {id: 1, sentence: 'allow h2 to web', devices: ['s1'], cut: 0}});
	t.like(pinged, {ok: true, result: {exitCode: 0, stderr: ''}});
	t.like(listed, {ok: true, result: [{id: 1, sentence: 'allow h2 to web', hits: 1}]});
	t.deepEqual(groups?.['result'], [{name: 'web', size: 1}]);
	t.deepEqual(office?.['result'], ['10.1.0.0/16', '!10.1.2.3']);
	t.like(lost, {ok: false, result: {exitCode: 1}});
	t.like(pair, {ok: true, result: {sent: 2, received: 2, lost: []}});
	t.like(deleted, {ok: true});
	t.like(pingall, {ok: false, result: {sent: 2, received: 1, lost: [['h2', 'h1']]}});
	t.like(flows, {ok: true, result: [{device: 's1'}]});
	t.like(mistake, {ok: false, error: {code: 'syntax', column: 9, nearest: ['show']}});
});

test.serial('a story with --steps prints each step before what it does, and ends where nobody types a line', async t => {
	const {stdout, stderr, exitCode} = await securenet(['run', 'topologies/router-as-switch.ts', '--steps', '--name', uniqueName()]);
	t.deepEqual([stderr, exitCode], ['', 0]);
	const steps = stdout.split(/^securenet> /m);
	t.deepEqual(steps.map(step => step.split('\n')[0]), ['', ...new RouterAsSwitch({steps: true}).steps]);
	t.regex(steps[1] ?? '', / 0 received,/);
	t.regex(steps.at(-1) ?? '', / ttl=63 .* 1 received,/s);
	// Lines that are given take their place.
	t.is((await securenet(['run', 'topologies/router-as-switch.ts', '--steps', '--name', uniqueName(), '-c', 'node_1 echo 1'])).stdout, '1');
});

test.serial('what fails beside the lines is told on standard error: here a router that comes without a way to the others', async t => {
	const name = uniqueName();
	const lines = ['add router edge4 core ip 1.0.0.4/24 bgp 65000', 'h5 join edge4', '-h1 ping -c 1 -W 0.5 h5'];
	const {stdout, stderr, exitCode} = await securenet(['run', 'topologies/bgp-control-plane.ts', '--control', 'controller', '--transport', 'gre', '--name', name, ...lines.flatMap(line => ['-c', line])]);
	t.is(exitCode, 0);
	t.regex(stdout, / 0 received,/);
	t.regex(stderr, /^There is no way from edge4 to 1\.0\.1\.1 of edge1 \(edge4 has no route to 1\.0\.1\.1\), nor from edge4 to .*\nWithin 5 s: edge4 does not know the way to h1, h2, h3, h4, h5, h6\. .*\nThere is no way from edge1 to 1\.0\.0\.4 of edge4 \(core has no route to 1\.0\.0\.4\), nor from edge2 /);
});

test.serial('a command does not eat lines that are still to come', async t => {
	const run = securenet(['run', 'single,2', '--name', uniqueName()], {open: true});
	const shown = async () => String(await Promise.race([new Promise(resolve => run.stdout.once('data', resolve)), setTimeout(longPatience, 'nothing')]));
	run.stdin.write('h1 sh -c "cat; echo cat has ended"\n');
	t.is(await shown(), 'cat has ended\n');
	run.stdin.write('h1 echo next\n');
	t.is(await shown(), 'next\n');
	run.stdin.end();
	t.is((await run).stdout, 'cat has ended\nnext');
});

test.serial('a script and a sourced file', async t => {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	writeFileSync(join(directory, 'inner'), 'h2 echo inner\n');
	writeFileSync(join(directory, 'outer'), `# outer\nh1 echo outer\nsource ${join(directory, 'inner')}\n`);
	const args = ['run', 'single,2', '--name', uniqueName(), '--script', join(directory, 'outer')];
	t.is((await securenet(args)).stdout, 'outer\ninner');
	t.deepEqual(objects((await securenet([...args, '--json'])).stdout).map(({line}) => line), ['h1 echo outer', 'h2 echo inner', `source ${join(directory, 'inner')}`]);
});

test.serial('a line of a script that fails is named by its number', async t => {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	const script = join(directory, 'script');
	const args = ['run', 'single,2', '--name', uniqueName(), '--script', script];
	writeFileSync(script, '# first\nh1 false\n');
	t.is((await securenet(args)).stderr, 'line 2: "h1 false" failed with exit status 1.');
	writeFileSync(script, '\n\npingal\n');
	t.regex((await securenet(args)).stderr, /^pingal\n\^\nline 3: There is no command/);
	t.like(objects((await securenet([...args, '--json'])).stdout)[0], {line: 'pingal', number: 3, error: {line: 3, column: 1}});
});

const isEnded = test.macro({
	title: (_, signal: string) => `${signal} takes the lab down`,
	async exec(t, signal: 'SIGTERM' | 'SIGHUP' | 'SIGINT' | 'SIGQUIT', exitCode: number) {
		const name = uniqueName();
		const before = await machine(name);
		const marker = join(tmpdir(), name);
		t.teardown(() => {
			rmSync(marker, {force: true});
		});
		const run = securenet(['run', 'single,2', '--name', name, '-c', 'h1 echo up', '-c', `-h1 sh -c "touch ${marker}; exec sleep 60"`, '-c', 'h1 echo after']);
		while (!existsSync(marker)) {
			await setTimeout(10);
		}

		run.kill(signal);
		const result = await run;
		t.is(result.exitCode, exitCode);
		t.is(result.stdout, 'up');
		t.deepEqual(await machine(name), before);
		t.deepEqual(daemonsOf(name), []);
	},
});

test.serial(isEnded, 'SIGTERM', 143);
test.serial(isEnded, 'SIGHUP', 129);
test.serial(isEnded, 'SIGINT', 130);
test.serial(isEnded, 'SIGQUIT', 131);

test.serial('a signal during up undoes it', async t => {
	const name = uniqueName();
	const before = await machine(name);
	const run = securenet(['run', 'single,300', '--name', name]);
	while (!runningLabs().some(lab => lab.name === name)) {
		await setTimeout(10);
	}

	run.kill('SIGINT');
	t.is((await run).exitCode, 130);
	t.deepEqual(await machine(name), before);
	t.deepEqual(daemonsOf(name), []);
});

test.serial('whoever reads the output may stop', async t => {
	const name = uniqueName();
	const run = securenet(['run', 'single,2', '--name', name, '-c', 'nodes', '-c', 'h1 sleep 0.5', '-c', 'nodes', '-c', 'h1 true']);
	run.stdout.once('data', () => run.stdout.destroy());
	const {exitCode} = await run;
	t.is(exitCode, 0);
	t.deepEqual(daemonsOf(name), []);
});

for (const line of ['flows --watch', 'rules --watch --all', 'connections --watch', 'time flows s1 --watch']) {
	test.serial(`${line} ends when nobody reads it any more, and so does the program`, async t => {
		const name = uniqueName();
		const run = securenet(['run', 'single,2', '--name', name, '-c', 'h1 echo up', '-c', line, '-c', `h1 sleep ${longPatience / 1000}`]);
		let left = 0;
		let shown = '';
		run.stdout.on('data', (text: unknown) => {
			shown += String(text);
			// What is shown after the first line is the watch.
			if (left === 0 && shown.replace(/^up\n/, '') !== '') {
				left = performance.now();
				run.stdout.destroy();
			}
		});
		const {exitCode, stderr} = await run;
		t.deepEqual([exitCode, stderr], [0, '']);
		t.true(left > 0);
		t.true(performance.now() - left < 5000 * patience, `${performance.now() - left} ms`);
		t.deepEqual(daemonsOf(name), []);
	});
}

test.serial('a second lab of the same name is refused, with the process id of the first', async t => {
	const name = uniqueName();
	const first = securenet(['run', 'single,2', '--name', name, '-c', 'h1 echo up', '-c', 'h1 sleep 60']);
	await new Promise(resolve => first.stdout.once('data', resolve));
	const {exitCode, stderr} = await securenet(['run', 'single,2', '--name', name]);
	t.is(exitCode, 2);
	t.true(stderr.includes(String(first.pid)));
	first.kill();
	await first;
});
