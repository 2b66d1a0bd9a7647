/** The result of the contract for people: a table, and for each failure what was expected, what was observed, and what was in force. */
import {columns} from '../util/columns.ts';
import type {CaseResult, Check} from './case.ts';
import type {SuiteResult} from './suite.ts';

const verdicts = {'pass': 'pass', 'fail': 'FAIL', 'not supported': 'not supported'} as const;

export function reportText({driver, cases, ms}: SuiteResult): string {
	const rows = cases.map(({name, title, status, reason}) => [name, title, reason === undefined ? verdicts[status] : `${verdicts[status]}: ${reason}`]);
	return [
		columns([['case', 'what', 'result'], ...rows]),
		...cases.flatMap(failuresText),
		'',
		`${driver}: ${count(cases, 'pass')} passed, ${count(cases, 'fail')} failed, ${count(cases, 'not supported')} not supported, in ${(ms / 1000).toFixed(1)} s`,
	].join('\n');
}

function count(cases: readonly CaseResult[], wanted: CaseResult['status']): number {
	return cases.filter(({status}) => status === wanted).length;
}

function failuresText({name, title, failures}: CaseResult): string[] {
	return failures.length === 0 ? [] : ['', `${name} ${title}`, ...failures.flatMap(failureText), ...evidenceText(failures)];
}

export function failureText({what, expected, observed}: Check): string[] {
	return [`  ${what}`, `    expected: ${expected}`, `    observed: ${observed}`];
}

/** Of the first failure: the others follow from the same state, or from what the first has spoiled. */
export function evidenceText(failures: readonly Check[]): string[] {
	const evidence = failures.find(failure => failure.evidence)?.evidence;
	return evidence ? [...part('lines', evidence.lines), ...part('rules', evidence.rules), ...part('installed', evidence.installed)] : [];
}

function part(title: string, lines: readonly string[]): string[] {
	return [`  ${title} at that moment:`, ...lines.length === 0 ? ['    none'] : lines.map(line => `    ${line}`)];
}
