/** The result of the contract as JUnit XML, as build servers read it. */
import type {CaseResult} from './case.ts';
import {evidenceText, failureText} from './report.ts';
import type {SuiteInterrupted, SuiteResult} from './suite.ts';

/** @param unfinished cases that a signal has ended or kept from beginning */
export function junitXml({driver, cases, ms}: Pick<SuiteResult, 'driver' | 'cases' | 'ms'>, unfinished: SuiteInterrupted['unfinished'] = []): string {
	const failed = cases.filter(({status}) => status === 'fail').length;
	const skipped = cases.filter(({status}) => status === 'not supported').length + unfinished.length;
	return [
		'<?xml version="1.0" encoding="UTF-8"?>',
		`<testsuite${attributes({name: `securenet driver ${driver}`, tests: cases.length + unfinished.length, failures: failed, errors: 0, skipped, time: seconds(ms)})}>`,
		...cases.flatMap(each => caseLines(driver, each)),
		...unfinished.flatMap(({name, title}) => skippedLines(`\t<testcase${attributes({classname: driver, name: `${name} ${title}`})}`, 'interrupted')),
		'</testsuite>',
		'',
	].join('\n');
}

function caseLines(driver: string, {name, title, status, reason, failures, ms}: CaseResult): string[] {
	const opening = `\t<testcase${attributes({classname: driver, name: `${name} ${title}`, time: seconds(ms)})}`;
	switch (status) {
		case 'pass':
			return [`${opening}/>`];
		case 'not supported':
			return skippedLines(opening, reason ?? '');
		case 'fail': {
			const [first] = failures;
			const message = first ? `${first.what}: expected ${first.expected}, observed ${first.observed}` : '';
			const text = [...failures.flatMap(failureText), ...evidenceText(failures)].join('\n');
			return [`${opening}>`, `\t\t<failure${attributes({message})}>${escaped(text)}</failure>`, '\t</testcase>'];
		}
	}
}

function skippedLines(opening: string, message: string): string[] {
	return [`${opening}>`, `\t\t<skipped${attributes({message})}/>`, '\t</testcase>'];
}

function seconds(ms: number): string {
	return (ms / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
	return Object.entries(values).map(([name, value]) => ` ${name}="${escaped(String(value)).replaceAll('\n', '&#10;')}"`).join('');
}

const entities: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};

/** Control characters have no place in XML 1.0, not even escaped. */
function escaped(text: string): string {
	return text.replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD').replaceAll(/[&<>"]/g, character => entities[character] ?? '');
}
