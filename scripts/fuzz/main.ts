/** Runs the search of scripts/fuzz-policy until the time is over, a disagreement is found, or Ctrl-C; then says what was tried. */
import {readFileSync, writeFileSync} from 'node:fs';
import {basename} from 'node:path';
import {run} from '../../lib/kernel/process.ts';
import {InputError, SecureNetError, messageOf} from '../../lib/util/errors.ts';
import {printable} from '../../lib/util/names.ts';
import {columns} from '../../lib/util/columns.ts';
import {counterexampleText, readCounterexample, scenarioOf} from '../../test/helpers/counterexample.ts';
import {type Evaluator, pureEvaluators, tracingEvaluators} from '../../test/helpers/evaluators.ts';
import {FlowOracle} from '../../test/helpers/flow-oracle.ts';
import {arbitraryLiveScenario, liveDrivers, liveEvaluator} from '../../test/helpers/live.ts';
import {packetText} from '../../test/helpers/packets.ts';
import {type Finding, type Hunt, compared, counterexampleOf, huntOf, isWrong, tryOne} from '../../test/helpers/search.ts';
import {type Options, readOptions} from './options.ts';

const folder = 'test/fixtures/policies';
const isRoot = process.getuid?.() === 0;
/** Milliseconds that making a finding small may take; a lab for each try takes longer. */
const patience = {trace: 60_000, live: 180_000} as const;

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
			throw new InputError('usage', 'None of these drivers can be asked here: Open vSwitch is traced, and networks are made, by root alone.');
		}

		return options.replay.length > 0 ? await replay(options.replay, hunts) : await search(hunts, options, () => ended);
	} finally {
		await oracle?.stop();
	}
}

/** The library starts every program in a network namespace, which takes root. */
async function hasSwitch(): Promise<boolean> {
	if (!isRoot) {
		console.log('Without root only the model and the rendered tables are compared; with sudo also what Open vSwitch and real networks do.');
		return false;
	}

	return run(['ovs-vswitchd', '--version']).then(() => true, () => {
		console.log('Open vSwitch is missing (apt-get install openvswitch-switch): its flows are not traced.');
		return false;
	});
}

function huntsOf({drivers, live}: Options, oracle: FlowOracle | undefined): Hunt[] {
	const isChosen = ({name}: Evaluator): boolean => drivers.length === 0 || drivers.includes(name.replace('live ', ''));
	const others = [...pureEvaluators, ...oracle ? tracingEvaluators(oracle) : []].filter(isChosen).map(evaluator => huntOf(evaluator));
	const scenariosFor = (driver: string) => arbitraryLiveScenario(driver.endsWith('perimeter') ? {perimeter: true} : {});
	const real = live && isRoot ? liveDrivers.map(driver => huntOf(liveEvaluator(driver), scenariosFor(driver))).filter(({evaluator}) => isChosen(evaluator)) : [];
	return [...others, ...real];
}

/** One scenario after the other, each kind in turn. */
async function search(hunts: readonly Hunt[], {seed, minutes}: Options, isEnded: () => boolean): Promise<number> {
	const until = performance.now() + minutes * 60_000;
	const began = performance.now();
	let finding: Finding | undefined;
	for (let round = 0; !finding && !isEnded() && performance.now() < until; round++) {
		for (const hunt of hunts) {
			// A lab takes as long as many policies that need none.
			if (isEnded() || finding || (hunt.evaluator.name.startsWith('live') && round % 20 !== 0)) {
				continue;
			}

			finding = await tryOne(hunt, seed + round, hunt.evaluator.name.startsWith('live') ? patience.live : patience.trace, isEnded);
			progress(hunts, round, began);
		}
	}

	endProgress();
	console.log(`Seed ${seed}, ${((performance.now() - began) / 1000).toFixed(0)} s.\n${summary(hunts)}`);
	return finding ? await keep(finding, hunts) : 0;
}

function summary(hunts: readonly Hunt[]): string {
	const rate = ({cases, spent}: Hunt): string => spent === 0 ? '–' : (cases / spent * 1000).toFixed(0);
	return columns([['compared with the model', 'cases', 'a second', 'unclear'], ...hunts.map(hunt => [hunt.evaluator.name, `${hunt.cases}`, rate(hunt), `${hunt.unclear}`])]);
}

function progress(hunts: readonly Hunt[], round: number, began: number): void {
	if (process.stdout.isTTY) {
		const cases = hunts.reduce((sum, hunt) => sum + hunt.cases, 0);
		process.stdout.write(`\r\u001B[Kround ${round + 1}, ${cases} cases, ${((performance.now() - began) / 1000).toFixed(0)} s`);
	}
}

function endProgress(): void {
	if (process.stdout.isTTY) {
		process.stdout.write('\r\u001B[K');
	}
}

/** Writes the finding down for the suite to replay. One that does not stand alone has only its seed. */
async function keep(finding: Finding, hunts: readonly Hunt[]): Promise<number> {
	const {evaluator, seed, comparison, stands} = finding;
	const counterexample = await counterexampleOf(finding, [...new Set([...pureEvaluators, ...hunts.map(hunt => hunt.evaluator).filter(({name}) => !name.startsWith('live'))])]);
	const text = counterexampleText(counterexample);
	console.log(`\n${evaluator.name} ${comparison.device} disagrees with the model: ${packetText(comparison.packet)} is "${comparison.observed}", should be "${comparison.expected}".\n\n${text}`);
	if (!stands) {
		console.log('Alone it is judged as it should be: it depends on what stood on the device before, or on the moment. The same --seed comes to it again.');
		return 1;
	}

	const file = `${folder}/${evaluator.name.replaceAll(' ', '-')}-${seed}.policy`;
	writeFileSync(file, text);
	console.log(`Kept as ${file}. Replay: scripts/fuzz-policy ${evaluator.name.startsWith('live') ? '--live ' : ''}--driver ${evaluator.name.replace('live ', '')} --replay ${file}`);
	return 1;
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
