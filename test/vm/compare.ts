import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {execa} from 'execa';
import test from 'ava';
import {type CaseResult} from '../../lib/contract/case.ts';
import {type Outcome, writeOutcome} from '../../scripts/vm/outcome.ts';

type Status = CaseResult['status'];

function outcome(machine: string, statuses: Readonly<Record<string, Status>>, netem: boolean): Outcome {
	const cases = Object.entries(statuses).map(([name, status]) => ({name, title: `case ${name}`, status, checks: 1, ms: 1, failures: status === 'fail' ? [{what: 'ping', expected: 'passes', observed: 'blocked'}] : []}));
	return {machine, capabilities: [{name: 'netem', available: netem, detail: 'delay'}, {name: 'veth', available: true, detail: 'links'}], suites: [{driver: 'openflow', cases, ms: 1}], ms: 1000};
}

async function compare(here: Outcome, there?: Outcome): Promise<{stdout: string; exitCode: number | undefined; junit: string}> {
	const directory = mkdtempSync(join(tmpdir(), 'compare-'));
	try {
		const [one = '', other = '', junit = ''] = ['here.json', 'there.json', 'junit.xml'].map(name => join(directory, name));
		writeOutcome(one, here);
		if (there) {
			writeOutcome(other, there);
		}

		const {stdout, exitCode} = await execa('node', ['--import', 'tsx', 'scripts/vm/compare.ts', one, other, junit], {reject: false});
		return {stdout, exitCode, junit: readFileSync(junit, 'utf8')};
	} finally {
		rmSync(directory, {recursive: true});
	}
}

test('what fails on one kernel only comes first, then what fails on both, then other differences', async t => {
	const {stdout, exitCode, junit} = await compare(
		outcome('Linux A', {F1: 'pass', F2: 'not supported', F3: 'fail', F4: 'pass'}, false),
		outcome('Linux B', {F1: 'pass', F2: 'pass', F3: 'fail', F4: 'fail', F5: 'pass'}, true),
	);
	t.deepEqual(stdout.split('\n').slice(0, 6).map(line => line.split(/ {2,}/)), [
		['suite', 'case', 'Linux A', 'Linux B', 'what'],
		['openflow', 'F4', 'pass', 'FAIL', 'case F4'],
		['openflow', 'F3', 'FAIL', 'FAIL', 'case F3'],
		['openflow', 'F2', 'not supported', 'pass', 'case F2'],
		['openflow', 'F5', 'not run', 'pass', 'case F5'],
		['openflow', 'F1', 'pass', 'pass', 'case F1'],
	]);
	t.true(stdout.includes('What only one of the kernels can do:\n  netem: Linux B\n'));
	t.true(stdout.includes('Linux B: 3 passed, 2 failed, 0 not supported'));
	t.is(exitCode, 1);
	t.is(junit.match(/<testsuite /g)?.length, 2);
	t.true(junit.includes('name="securenet driver openflow, Linux B" tests="5" failures="2"'));
});

test('nothing failed', async t => {
	const same = outcome('Linux A', {F1: 'pass'}, true);
	const {stdout, exitCode} = await compare(same, same);
	t.is(exitCode, 0);
	t.true(stdout.includes('What only one of the kernels can do:\n  nothing\n'));
});

test('a machine that was lost takes nothing of the other with it, and is a failure', async t => {
	const {stdout, exitCode, junit} = await compare(outcome('Linux A', {F1: 'pass'}, true));
	t.deepEqual(stdout.split('\n').slice(0, 2).map(line => line.split(/ {2,}/)), [['suite', 'case', 'Linux A', 'lost', 'what'], ['openflow', 'F1', 'pass', 'not run', 'case F1']]);
	t.regex(stdout, /^Linux A: 1 passed, 0 failed, .*\nlost: this machine ended before its suites did/m);
	t.is(junit.match(/<testsuite /g)?.length, 1);
	t.is(exitCode, 1);
});
