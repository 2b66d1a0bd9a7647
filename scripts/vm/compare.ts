/**
Shows what the suites came to on two machines side by side, what differs first, and writes all of it as one JUnit file.

	node --import tsx scripts/vm/compare.ts HERE THERE [JUNIT]

Where a machine was lost before its suites ended there is no THERE; then what came of the others is shown all the same. Exit status 1 when a case failed on
either, or a machine was lost.
*/
import {existsSync, writeFileSync} from 'node:fs';
import type {CaseResult} from '../../lib/contract/case.ts';
import {junitXml} from '../../lib/contract/junit.ts';
import {evidenceText, failureText} from '../../lib/contract/report.ts';
import {columns} from '../../lib/util/columns.ts';
import {type Outcome, readOutcome} from './outcome.ts';

/** One case on both machines; undefined where it did not run. */
type Pair = {readonly suite: string; readonly name: string; readonly title: string; readonly results: readonly [CaseResult | undefined, CaseResult | undefined]};

const [here = '', there = '', junit] = process.argv.slice(2);
/** A machine that ended before its suites did. */
const lost: Outcome = {machine: 'lost', capabilities: [], suites: [], ms: 0};
const outcomes = [outcomeOf(here), outcomeOf(there)] as const;
const pairs = pairsOf(outcomes);
console.log(report());
if (junit !== undefined) {
	writeFileSync(junit, junitOf(outcomes));
}

process.exitCode = outcomes.includes(lost) || pairs.some(({results}) => results.some(result => result?.status === 'fail')) ? 1 : 0;

function outcomeOf(file: string): Outcome {
	return existsSync(file) ? readOutcome(file) : lost;
}

function report(): string {
	const ordered = pairs.toSorted((a, b) => rank(a) - rank(b));
	return [
		columns([['suite', 'case', outcomes[0].machine, outcomes[1].machine, 'what'], ...ordered.map(row)]),
		...ordered.flatMap(failuresText),
		'', 'What only one of the kernels can do:', ...featureLines(),
		'', ...outcomes.map(summary),
	].join('\n');
}

function pairsOf([first, second]: readonly [Outcome, Outcome]): Pair[] {
	const [one, other] = [casesOf(first), casesOf(second)];
	return [...new Map([...one, ...other])].map(([key, {suite, result: {name, title}}]) => ({suite, name, title, results: [one.get(key)?.result, other.get(key)?.result]}));
}

function casesOf({suites}: Outcome): Map<string, {suite: string; result: CaseResult}> {
	return new Map(suites.flatMap(({driver, cases}) => cases.map(result => [JSON.stringify([driver, result.name, result.title]), {suite: driver, result}])));
}

/** What passes on one machine and fails on the other, what fails on both, what else differs, the rest. */
function rank({results}: Pair): number {
	const [one, other] = results.map(result => result?.status);
	const fails = one === 'fail' || other === 'fail';
	return one === other ? fails ? 1 : 3 : fails ? 0 : 2;
}

function row({suite, name, title, results}: Pair): string[] {
	return [suite, name, ...results.map(result => result === undefined ? 'not run' : result.status === 'fail' ? 'FAIL' : result.status), title];
}

function failuresText({suite, name, title, results}: Pair): string[] {
	return results.flatMap((result, index) => result?.status === 'fail'
		? ['', `${suite}: ${name} ${title} (${outcomes[index]?.machine ?? ''})`, ...result.failures.flatMap(failureText), ...evidenceText(result.failures)]
		: []);
}

function featureLines(): string[] {
	if (outcomes.includes(lost)) {
		return ['  only one was asked'];
	}

	const [one, other] = outcomes.map(({capabilities}) => new Map(capabilities.map(({name, available}) => [name, available])));
	const differing = [...one?.keys() ?? []].filter(name => one?.get(name) !== other?.get(name));
	return differing.length === 0 ? ['  nothing'] : differing.map(name => `  ${name}: ${outcomes[one?.get(name) === true ? 0 : 1].machine}`);
}

function summary(outcome: Outcome): string {
	if (outcome === lost) {
		return 'lost: this machine ended before its suites did; why is above.';
	}

	const {machine, suites, ms} = outcome;
	const counted = (wanted: CaseResult['status']) => suites.flatMap(({cases}) => cases).filter(({status}) => status === wanted).length;
	return `${machine}: ${counted('pass')} passed, ${counted('fail')} failed, ${counted('not supported')} not supported, in ${(ms / 1000).toFixed(1)} s`;
}

function junitOf(all: readonly Outcome[]): string {
	const suites = all.flatMap(({machine, suites}) => suites.map(suite => junitXml({...suite, driver: `${suite.driver}, ${machine}`})));
	const [declaration = ''] = suites[0]?.split('\n') ?? [];
	return `${declaration}\n<testsuites>\n${suites.map(suite => suite.slice(declaration.length + 1)).join('')}</testsuites>\n`;
}
