/**
Whether the contract of firewall drivers ever says something else of the same driver: the whole suite, again and again.

	node --import tsx scripts/bench/contract.ts [--quick] [--runs N] [--json FILE] [DRIVER …]
*/
import {type CaseResult, type SuiteResult, namedDrivers, testDriver} from '../../lib/index.ts';
import {firewallNamed} from '../../lib/topology/firewalls.ts';
import {type Row, median, progress, readOptions, report} from './report.ts';

const options = readOptions(10);
const drivers = (options.topologies.length > 0 ? options.topologies : ['openflow']).map(firewallNamed);
/** Those that look at moments, where a flake is most likely. */
const only = options.quick ? ['F14', 'F15', 'F21', 'M1'] : undefined;

const tables: Record<string, readonly Row[]> = {};
for (const name of drivers) {
	const results: SuiteResult[] = [];
	for (let run = 1; run <= options.runs; run++) {
		const result = await testDriver({name, ...namedDrivers[name]}, {only});
		results.push(result);
		progress(`${name}, run ${run}: ${(result.ms / 1000).toFixed(1)} s${result.cases.flatMap(failuresOf).join('')}`);
	}

	tables[`${name}, ${options.runs} runs, whole suite ${seconds(median(results.map(({ms}) => ms)))}`] = rowsOf(results);
}

report(tables, options);

function rowsOf(results: readonly SuiteResult[]): Row[] {
	const names = results[0]?.cases.map(({name}) => name) ?? [];
	return names.map(name => {
		const runs = results.flatMap(({cases}) => cases.filter(each => each.name === name));
		const count = (status: CaseResult['status']) => runs.filter(each => each.status === status).length;
		const times = runs.map(({ms}) => ms);
		return {'case': name, 'passed': count('pass'), 'failed': count('fail'), 'not supported': count('not supported'), 'median': seconds(median(times)), 'longest': seconds(Math.max(...times))};
	});
}

/** Told at once: what is rare must not wait for the end. */
function failuresOf({name, failures}: CaseResult): string[] {
	return failures.map(({what, expected, observed}) => `\n  ${name} ${what}: expected ${expected}, observed ${observed}`);
}

function seconds(ms: number | undefined): string {
	return ms === undefined ? '–' : `${(ms / 1000).toFixed(2)} s`;
}
