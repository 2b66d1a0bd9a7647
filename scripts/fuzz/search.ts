/** The search itself: one scenario after the other, until one is found about which somebody disagrees with the model; that one is kept. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {columns} from '../../lib/util/columns.ts';
import {messageOf} from '../../lib/util/errors.ts';
import {counterexampleText} from '../../test/helpers/counterexample.ts';
import {pureEvaluators} from '../../test/helpers/evaluators.ts';
import {packetText} from '../../test/helpers/packets.ts';
import {type Finding, type Hunt, counterexampleOf, tryOne} from '../../test/helpers/search.ts';
import type {Options} from './options.ts';

/** Milliseconds that making a finding small may take; a lab for each try takes longer. */
const patience = {trace: 60_000, live: 180_000} as const;

export type Search = Pick<Options, 'seed' | 'minutes'> & {
	readonly hunts: readonly Hunt[];
	/** Where a finding is kept. */
	readonly folder: string;
	readonly isEnded: () => boolean;
	readonly print: (text: string) => void;
};

/** @returns exit status: 1 when something was found */
export async function search({hunts, seed, minutes, folder, isEnded, print}: Search): Promise<number> {
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
	print(`Seed ${seed}, ${((performance.now() - began) / 1000).toFixed(0)} s.\n${summary(hunts)}`);
	return finding ? await keep(finding, hunts, folder, print) : 0;
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
async function keep(finding: Finding, hunts: readonly Hunt[], folder: string, print: Search['print']): Promise<number> {
	const {evaluator, seed, comparison, stands} = finding;
	const counterexample = await counterexampleOf(finding, [...new Set([...pureEvaluators, ...hunts.map(hunt => hunt.evaluator).filter(({name}) => !name.startsWith('live'))])]);
	const text = counterexampleText(counterexample);
	print(`\n${evaluator.name} ${comparison.device} disagrees with the model: ${packetText(comparison.packet)} is "${comparison.observed}", should be "${comparison.expected}".\n\n${text}`);
	if (!stands) {
		print('Alone it is judged as it should be: it depends on what stood on the device before, or on the moment. The same --seed comes to it again.');
		return 1;
	}

	const file = join(folder, `${evaluator.name.replaceAll(' ', '-')}-${seed}.policy`);
	try {
		writeFileSync(file, text);
	} catch (error) {
		print(`It cannot be kept as ${file}: ${messageOf(error)}`);
		return 1;
	}

	print(`Kept as ${file}. Replay: scripts/fuzz-policy ${evaluator.name.startsWith('live') ? '--live ' : ''}--driver ${evaluator.name.replace('live ', '')} --replay ${file}`);
	return 1;
}
