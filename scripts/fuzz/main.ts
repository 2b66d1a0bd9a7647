/** Runs the search of scripts/fuzz-policy until the time is over, a disagreement is found, or Ctrl-C; then says what was tried. */
import {readFileSync} from 'node:fs';
import {basename} from 'node:path';
import {run} from '../../lib/kernel/process.ts';
import type {FirewallName} from '../../lib/topology/firewalls.ts';
import {InputError, SecureNetError, messageOf} from '../../lib/util/errors.ts';
import {printable} from '../../lib/util/names.ts';
import {columns} from '../../lib/util/columns.ts';
import {readCounterexample, scenarioOf} from '../../test/helpers/counterexample.ts';
import {type Evaluator, pureEvaluators, tracingEvaluators} from '../../test/helpers/evaluators.ts';
import {FlowOracle} from '../../test/helpers/flow-oracle.ts';
import {arbitraryLiveScenario, liveDrivers, liveEvaluator, tracksSctp} from '../../test/helpers/live.ts';
import {packetText} from '../../test/helpers/packets.ts';
import {type Hunt, compared, huntOf, isWrong} from '../../test/helpers/search.ts';
import {type Options, readOptions} from './options.ts';
import {search} from './search.ts';

const folder = 'test/fixtures/policies';

process.exitCode = await main().catch((error: unknown) => {
	console.error(error instanceof SecureNetError ? error.message : error);
	return 2;
});

async function main(): Promise<number> {
	const options = readOptions(process.argv.slice(2));
	let ended = false;
	// The scenario at hand comes to its end, so that no lab and no daemon stays behind.
	process.on('SIGINT', () => {
		ended = true;
	});
	const oracle = await hasSwitch() ? await FlowOracle.start() : undefined;
	try {
		const hunts = huntsOf(options, oracle);
		if (hunts.length === 0) {
			throw new InputError('usage', 'Without Open vSwitch none of these drivers can be asked: apt-get install openvswitch-switch');
		}

		return options.replay.length > 0 ? await replay(options.replay, hunts) : await search({...options, hunts, folder, isEnded: () => ended, print: console.log});
	} finally {
		await oracle?.stop();
	}
}

async function hasSwitch(): Promise<boolean> {
	return run(['ovs-vswitchd', '--version']).then(() => true, () => {
		console.log('Open vSwitch is missing (apt-get install openvswitch-switch): its flows are not traced.');
		return false;
	});
}

function huntsOf({drivers, live}: Options, oracle: FlowOracle | undefined): Hunt[] {
	const isChosen = ({name}: Evaluator): boolean => drivers.length === 0 || drivers.includes(name.replace('live ', ''));
	const others = [...pureEvaluators, ...oracle ? tracingEvaluators(oracle) : []].filter(isChosen).map(evaluator => huntOf(evaluator));
	const scenariosFor = (driver: FirewallName) => arbitraryLiveScenario({sctp: tracksSctp(driver), ...driver.endsWith('perimeter') ? {perimeter: true} : {}});
	const real = live ? liveDrivers.map(driver => huntOf(liveEvaluator(driver), scenariosFor(driver))).filter(({evaluator}) => isChosen(evaluator)) : [];
	return [...others, ...real];
}

function textOf(file: string): string {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		throw new InputError('usage', `${printable(file)} cannot be read: ${messageOf(error)}`, {}, {cause: error});
	}
}

async function replay(files: readonly string[], hunts: readonly Hunt[]): Promise<number> {
	let disagreements = 0;
	for (const file of files) {
		const counterexample = readCounterexample(textOf(file));
		const rows: string[][] = [];
		for (const {evaluator} of hunts) {
			for (const comparison of await compared(evaluator, scenarioOf(counterexample))) {
				disagreements += isWrong(comparison) ? 1 : 0;
				rows.push([evaluator.name, comparison.device, packetText(comparison.packet), comparison.observed, isWrong(comparison) ? `should be ${comparison.expected}` : '']);
			}
		}

		console.log(`${basename(file)}\n${columns(rows)}`);
	}

	return disagreements > 0 ? 1 : 0;
}
