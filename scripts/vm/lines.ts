/**
Shows what suites came to in virtual machines, a line for each case as AVA writes them, so that scripts/test counts them with its own.

	node --import tsx scripts/vm/lines.ts DIRECTORY …

Each directory has `there.json`, what the suites came to, or only `log`, why they came to nothing. A machine without one of the features that it is there
for would skip what needs it, so that is a failure, too. Exit status 1 when a case failed.
*/
import {existsSync, readFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import type {CaseResult} from '../../lib/contract/case.ts';
import {evidenceText, failureText} from '../../lib/contract/report.ts';
import {type Outcome, readOutcome, systemTests} from './outcome.ts';

const failure = '  ✘ [fail]:';
/** As `capabilities` names them. */
const wanted = ['openvswitch datapath', 'netem', 'ip_gre', '8021q', 'vrf'];

const lines = process.argv.slice(2).flatMap(directory => {
	const file = join(directory, 'there.json');
	return existsSync(file) ? outcomeLines(readOutcome(file)) : lostLines(directory);
});
console.log(lines.join('\n'));
process.exitCode = lines.some(line => line.startsWith(failure)) ? 1 : 0;

function outcomeLines({machine, capabilities, suites, ms}: Outcome): string[] {
	const lines = suites.flatMap(({driver, cases}) => cases.flatMap(each => caseLines(driver, each)));
	const missing = wanted.filter(name => !capabilities.some(each => each.name === name && each.available));
	return [...lines, ...missing.map(name => `${failure} vm › ${name} is missing`), `    ℹ ${suites.map(({driver}) => driver).join(', ')} on ${machine}, in ${(ms / 1000).toFixed(0)} s`];
}

/** AVA's titles have the file before the test, and a driver's cases stand for its file. */
function caseLines(driver: string, result: CaseResult): string[] {
	const {status, failures, reason} = result;
	const title = ['vm', ...driver === systemTests ? result.name.split('/').filter(part => part !== '') : [driver, result.name], result.title].join(' › ');
	switch (status) {
		case 'pass':
			return [`  ✔ ${title}`];
		case 'fail':
			return [`${failure} ${title}`, ...[...failures.flatMap(failureText), ...evidenceText(failures)].map(line => `    ${line}`)];
		case 'not supported':
			// What a driver does not support it supports on no machine; a test is skipped for want of something.
			return driver === systemTests ? [`  - [skip] ${title}`] : [`    ℹ ${title}: ${reason ?? 'not supported'}`];
	}
}

function lostLines(directory: string): string[] {
	return [`${failure} vm › ${basename(directory)}`, ...readFileSync(join(directory, 'log'), 'utf8').trimEnd().split('\n').slice(-20).map(line => `    ${line}`)];
}
