/** What virtual machines report, and how scripts/test counts it. */
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {execa} from 'execa';
import type {CaseResult} from '../../lib/contract/case.ts';
import {systemTests, writeOutcome} from '../../scripts/vm/outcome.ts';

function directory(t: ExecutionContext): string {
	const made = mkdtempSync(join(tmpdir(), 'lines-'));
	t.teardown(() => {
		rmSync(made, {recursive: true});
	});
	return made;
}

function result(name: string, title: string, status: CaseResult['status']): CaseResult {
	return {name, title, status, checks: 1, ms: 1, failures: status === 'fail' ? [{what: 'ping', expected: 'passes', observed: 'blocked'}] : [], ...status === 'not supported' ? {reason: 'no ports'} : {}};
}

/** What scripts/test ends with when AVA and a virtual machine have written these lines. */
async function summary(t: ExecutionContext, lines: string): Promise<{text: string; exitCode: number | undefined}> {
	const file = join(directory(t), 'results');
	writeFileSync(file, lines);
	const {stdout, exitCode} = await execa('awk', ['-f', 'scripts/summary.awk', file], {reject: false});
	return {text: stdout, exitCode};
}

test('a virtual machine reports as AVA does; one that came to nothing is a failure, with its last words', async t => {
	const root = directory(t);
	for (const name of ['system', 'lost']) {
		mkdirSync(join(root, name));
	}

	writeFileSync(join(root, 'lost', 'log'), 'booting\nKernel panic\n');
	writeOutcome(join(root, 'system', 'there.json'), {machine: 'Linux A', capabilities: [], ms: 61_000, suites: [
		{driver: 'openflow', ms: 1, cases: [result('F1', 'default', 'pass'), result('F2', 'DHCP', 'fail'), result('F3', 'SCTP', 'not supported')]},
		{driver: systemTests, ms: 1, cases: [result('network/links', 'VLANs', 'pass'), result('', 'alone: vrf is missing', 'not supported')]},
	]});
	const {stdout, exitCode} = await execa('node', ['--import', 'tsx', 'scripts/vm/lines.ts', join(root, 'system'), join(root, 'lost')], {reject: false});
	t.deepEqual(stdout.split('\n'), [
		'  ✔ vm › openflow › F1 › default',
		'  ✘ [fail]: vm › openflow › F2 › DHCP', '      ping', '        expected: passes', '        observed: blocked',
		'    ℹ vm › openflow › F3 › SCTP: no ports',
		'  ✔ vm › network › links › VLANs',
		'  - [skip] vm › alone: vrf is missing',
		'    ℹ openflow, system tests on Linux A, in 61 s',
		'  ✘ [fail]: vm › lost', '    booting', '    Kernel panic',
	]);
	t.is(exitCode, 1);
});

test('what one machine skips and another passes is not skipped', async t => {
	const {text, exitCode} = await summary(t, [
		'── types ended with status 0',
		'  ✔ network › links › refuses without netem (1.2s)',
		'  - [skip] network › links › VLANs: 8021q is missing',
		'  - [skip] network › links › VLANs of VLANs: 8021q is missing',
		'── tests ended with status 0',
		'  ✔ vm › network › links › VLANs',
		'  - [skip] vm › network › links › refuses without netem',
		'── virtual machines ended with status 0', '',
	].join('\n'));
	t.deepEqual(text.split('\n'), [
		'', 'Skipped on one machine, passed on the other:', '  network › links › VLANs: 8021q is missing', '  network › links › refuses without netem',
		'', 'Skipped:', '  network › links › VLANs of VLANs: 8021q is missing',
		'', '3 passed, 0 failed, 1 skipped',
	]);
	t.is(exitCode, 0);
});

test('what is told of failures comes once more at the end', async t => {
	const {text} = await summary(t, [
		'  ✘ [fail]: one', '  ✔ two', '  ─', '', '  one', '', '  test/one.ts:2', '', '  Difference', '', '  ─', '', '  1 test failed', '── tests ended with status 1',
		'  ✘ [fail]: vm › F2', '      ping', '        expected: passes', '  ✔ vm › F3', '    ℹ in 61 s', '── virtual machines ended with status 1', '',
	].join('\n'));
	t.deepEqual(text.split('\n').filter(line => line !== ''), [
		'  one', '  test/one.ts:2', '  Difference', '  1 test failed', '  ✘ [fail]: vm › F2', '      ping', '        expected: passes', 'Failed:', '  one', '  vm › F2', '2 passed, 2 failed, 0 skipped',
	]);
});

for (const [what, lines] of [
	['AVA', ['  ✔ one', '── tests ended with status 1', '── virtual machines ended with status 0']],
	['virtual machines', ['  ✔ one', '── tests ended with status 0', '── virtual machines ended with status 125']],
	['virtual machines', ['  ✘ [fail]: one', '── tests ended with status 1', '── virtual machines ended with status 125']],
] as const) {
	test(`a step that fails without a line for it is a failure: ${what} after ${lines[0]}`, async t => {
		const {text, exitCode} = await summary(t, `${lines.join('\n')}\n`);
		t.regex(text, new RegExp(`^  ${what}`, 'm'));
		t.is(exitCode, 1);
	});
}
