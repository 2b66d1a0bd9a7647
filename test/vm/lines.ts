/** What virtual machines report, and how scripts/test counts it. */
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {execa} from 'execa';
import type {CaseResult} from '../../lib/contract/case.ts';
import type {Capability} from '../../lib/kernel/capabilities.ts';
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

/** What a virtual machine is there for. */
const features: readonly Capability[] = ['openvswitch datapath', 'netem', 'ip_gre', '8021q', 'vrf'].map(name => ({name, available: true, detail: ''}));

/** What scripts/test ends with when AVA and a virtual machine have written these lines. */
async function summary(t: ExecutionContext, lines: string, ...options: readonly string[]): Promise<{text: string; exitCode: number | undefined}> {
	const file = join(directory(t), 'results');
	writeFileSync(file, lines);
	const {stdout, exitCode} = await execa('awk', [...options, '-f', 'scripts/summary.awk', file], {reject: false});
	return {text: stdout, exitCode};
}

test('a virtual machine reports as AVA does; one that came to nothing is a failure, with its last words', async t => {
	const root = directory(t);
	for (const name of ['system', 'lost']) {
		mkdirSync(join(root, name));
	}

	writeFileSync(join(root, 'lost', 'log'), 'booting\nKernel panic\n');
	writeOutcome(join(root, 'system', 'there.json'), {machine: 'Linux A', capabilities: features, ms: 61_000, suites: [
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

test('a virtual machine that has lost a feature is a failure, though all that needs it is only skipped', async t => {
	const root = directory(t);
	const left = features.filter(({name}) => name !== 'vrf').map(each => ({...each, available: each.name !== 'netem'}));
	writeOutcome(join(root, 'there.json'), {machine: 'Linux A', capabilities: left, ms: 1000, suites: [
		{driver: systemTests, ms: 1, cases: [result('network/shaping', 'delay', 'not supported')]},
	]});
	const {stdout, exitCode} = await execa('node', ['--import', 'tsx', 'scripts/vm/lines.ts', root], {reject: false});
	t.deepEqual(stdout.split('\n').filter(line => line.includes('missing')), ['  ✘ [fail]: vm › netem is missing', '  ✘ [fail]: vm › vrf is missing']);
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

test('how long it took stands before what was counted', async t => {
	const {text} = await summary(t, '  ✔ one\n── tests ended with status 0\n', '-v', 'seconds=843');
	t.deepEqual(text.split('\n').slice(-3), ['In 14 min 3 s.', '', '1 passed, 0 failed, 0 skipped']);
});

test('what can be installed must be: a test that is skipped for want of it has failed', async t => {
	const {text, exitCode} = await summary(t, [
		'  ✔ one',
		'  - [skip] nft: The program nft is missing. Install it: apt-get install nftables',
		'  - [skip] VLANs: 8021q is missing (VLAN interfaces): ip link add: Operation not supported. Use a kernel that has 8021q, such as Debian\'s linux-image-amd64.',
		'  - [skip] sctp: sctp is missing. Load it with modprobe xt_sctp, or use a kernel that has sctp, such as Debian\'s linux-image-amd64.',
		'── tests ended with status 0', '── virtual machines ended with status 0', '',
	].join('\n'));
	t.regex(text, /\nFailed:\n {2}skipped for want of what can be installed: nft: .* apt-get install nftables\n\n1 passed, 1 failed, 3 skipped$/);
	t.is(exitCode, 1);
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
