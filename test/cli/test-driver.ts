/** `securenet test-driver`, as a user runs it. */
import {mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {securenet} from '../helpers/cli.ts';
import {longPatience, patience as factor} from '../helpers/patience.ts';
import {Terminal} from '../helpers/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'securenet-test-driver-'));
test.after.always(() => {
	rmSync(folder, {recursive: true});
});

function file(name: string, text: string): string {
	const path = join(folder, name);
	writeFileSync(path, text);
	return path;
}

const patience = ['--patience', String(factor)];

async function eventually(isSo: () => boolean, what: string): Promise<void> {
	for (const end = performance.now() + longPatience; !isSo();) {
		if (performance.now() > end) {
			throw new Error(`There never was ${what}.`);
		}

		await sleep(20);
	}
}

test.serial('one case of a driver of ours, with JUnit XML', async t => {
	const junit = join(folder, 'result.xml');
	const {stdout, exitCode} = await securenet(['test-driver', 'openflow', '--case', 'F3', '--junit', junit, ...patience]);
	t.regex(stdout, /^case {2}what +result\nF3 .* {2}pass\n\nopenflow: 1 passed, 0 failed, 0 not supported, in [\d.]+ s$/);
	t.is(exitCode, 0);
	t.regex(readFileSync(junit, 'utf8'), /<testsuite name="securenet driver openflow" tests="1" failures="0"/);
});

test.serial('a user\'s own driver, for perimeter firewalls, as JSON', async t => {
	const path = file('mine.ts', 'import {type DriverFactory, standardDrivers} from \'securenet\';\nexport const kind = \'perimeter\';\nexport default (context => standardDrivers.perimeter(context)) satisfies DriverFactory;\n');
	const {stdout, exitCode} = await securenet(['test-driver', path, '--case', 'F2', '--case', 'F3', '--json', ...patience]);
	const result = JSON.parse(stdout) as {driver: string; kind: string; cases: Array<{name: string; status: string}>};
	t.deepEqual([result.driver, result.kind, ...result.cases.map(({name, status}) => `${name} ${status}`)], [path, 'perimeter', 'F2 not supported', 'F3 pass']);
	t.is(exitCode, 0);
});

test.serial('a driver with a mistake: exit status 1, what was expected, and the flows at that moment', async t => {
	const path = file('faulty.ts', `
		import {standardDrivers} from 'securenet';
		export default context => {
			const driver = standardDrivers.switch(context);
			return {...driver, render: (plan, previous) => driver.render({...plan, rules: plan.rules.map(rule => ({...rule, traffic: undefined}))}, previous)};
		};
	`);
	const {stdout, exitCode} = await securenet(['test-driver', path, '--case', 'F3', ...patience]);
	t.regex(stdout, /F3 .* {2}FAIL\n/);
	t.regex(stdout, / {2}h1 > h2 tcp 80\n {4}expected: blocked\n {4}observed: allowed\n/);
	t.regex(stdout, / {2}rules at that moment:\n {4}\d+ {2}allow g1 to g2 icmp\n/);
	t.regex(stdout, / {2}installed at that moment:\n(?:.*\n)* {4}\d+ {2}table=8 .* # allow g1 to g2 icmp\n/);
	t.is(exitCode, 1);
});

test.serial('a driver that does not answer: the case ends, and says what it waited for', async t => {
	const path = file('silent.ts', `
		import {standardDrivers} from 'securenet';
		export default context => {
			const driver = standardDrivers.switch(context);
			return {...driver, check: async step => step.next.plan.rules.length > 0 ? new Promise(() => {}) : driver.check(step)};
		};
	`);
	const {stdout, exitCode} = await securenet(['test-driver', path, '--case', 'F3', '--patience', '0.05']);
	t.regex(stdout, / {2}the case\n {4}expected: runs to its end\n {4}observed: It did not end within 9 s; it waited for: secrule add allow g1 to g2 icmp, in it the driver's check\.\n/);
	t.is(exitCode, 1);
});

/** Names that labs of a process have in a folder. */
function remains(pid: number | undefined): string[] {
	return ['/run/netns', '/run/securenet'].flatMap(path => readdirSync(path)).filter(name => name.includes(`contract-${pid}-`));
}

for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
	test.serial(`${signal} ends it, and takes its labs down`, async t => {
		const running = securenet(['test-driver', 'openflow', ...patience], {open: true});
		await eventually(() => remains(running.pid).some(name => name.endsWith('h4')), 'a lab of the suite');
		const since = performance.now();
		running.kill(signal);
		const {stdout, stderr, exitCode} = await running;
		t.deepEqual([stdout, stderr, exitCode], ['', '', status]);
		// It takes less than a second; the rest is for a busy machine, and the suite takes many times as long.
		t.true(performance.now() - since < 5000 * factor, `${performance.now() - since} ms`);
		t.deepEqual(remains(running.pid), []);
	});
}

for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
	test.serial(`${signal} with --junit: what had ended is written, and what had not`, async t => {
		// Waits for ever in the lab of the second case.
		const path = file('endless.ts', `
			import {standardDrivers} from 'securenet';
			export default context => {
				const driver = standardDrivers.switch(context);
				return /-0\\b/.test(context.runDirectory) ? driver : {...driver, check: async step => step.next.plan.rules.length > 0 ? new Promise(() => {}) : driver.check(step)};
			};
		`);
		const junit = join(folder, `${signal}.xml`);
		const running = securenet(['test-driver', path, '--case', 'F3', '--case', 'F5', '--junit', junit, ...patience], {open: true});
		const isUp = (part: number) => remains(running.pid).some(name => name.includes(`-${running.pid}-1-${part}`));
		await eventually(() => isUp(0) && isUp(1), 'a lab for each case');
		await eventually(() => !isUp(0), 'an end of the first case');
		running.kill(signal);
		const {stdout, stderr, exitCode} = await running;
		t.deepEqual([stdout, stderr, exitCode], ['', '', status]);
		const xml = readFileSync(junit, 'utf8');
		t.regex(xml, /<testsuite name="[^"]*endless\.ts" tests="2" failures="0" errors="0" skipped="1" /);
		t.regex(xml, /<testcase classname="[^"]*" name="F3 [^"]*" time="[\d.]+"\/>/);
		t.regex(xml, /<testcase classname="[^"]*" name="F5 [^"]*">\n\t\t<skipped message="interrupted"\/>/);
	});
}

test.serial('at a terminal a line says how far it is, and is gone in the end', async t => {
	const terminal = new Terminal();
	t.teardown(async () => terminal.close());
	await terminal.start(['node', 'bin/securenet.js', 'test-driver', 'openflow', ...['F3', 'F4', 'F5', 'F6'].flatMap(name => ['--case', name]), ...patience]);
	await terminal.shows(/^F6 1\/4$/m);
	t.is(await terminal.exitStatus(), 0);
	t.notRegex(await terminal.screen(), /F6 1\/4/);
});

for (const [args, message] of [
	[['opnflow'], /"opnflow" is neither a driver nor a file\. Did you mean openflow\? Drivers: openflow, sg, fwaas, both, iptables-perimeter, nftables-perimeter, nftables-bridge\./],
	[['openflow', '--case', 'F99'], /There is no case "F99"\./],
	[['openflow', '--patience', 'much'], /--patience is a factor, such as 3; "much" is none\./],
	[['package.json'], /package\.json (?:cannot be loaded|makes no driver)/],
	[[file('empty.ts', 'export default 1;\n')], /empty\.ts makes no driver\. Write: export default context => driver/],
	[['topologies/securenet.ts'], /securenet\.ts makes no driver/],
] as const) {
	test(`test-driver ${args.map(word => word.split('/').at(-1)).join(' ')} is refused`, async t => {
		const {stderr, exitCode} = await securenet(['test-driver', ...args]);
		t.regex(stderr, message);
		t.is(exitCode, 2);
	});
}
