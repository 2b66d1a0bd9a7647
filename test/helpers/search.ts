/** Searches random scenarios for one that an evaluator judges otherwise than the model, and makes it small. */
import fc from 'fast-check';
import {messageOf} from '../../lib/util/errors.ts';
import {type Scenario, arbitraryScenario} from './arbitrary-policy.ts';
import {type Counterexample, type Draft, draftOf, scenarioOf} from './counterexample.ts';
import {type Comparison, type Evaluator, pureEvaluators} from './evaluators.ts';
import {noAnswer} from './live.ts';
import {shrink} from './shrink.ts';

/** An evaluator with the scenarios that suit it, and what it has done so far. */
export type Hunt = {
	readonly evaluator: Evaluator;
	readonly scenarios: fc.Arbitrary<Scenario>;
	cases: number;
	/** Cases that nobody could say anything about. */
	unclear: number;
	/** Milliseconds. */
	spent: number;
};

export function huntOf(evaluator: Evaluator, scenarios: fc.Arbitrary<Scenario> = arbitraryScenario({packets: 30, overlaps: true})): Hunt {
	return {evaluator, scenarios, cases: 0, unclear: 0, spent: 0};
}

export type Finding = {
	readonly evaluator: Evaluator;
	readonly seed: number;
	readonly draft: Draft;
	/** False: alone it is judged as it should be, so it depends on what stood on the device before. */
	readonly stands: boolean;
	readonly comparison: Comparison;
};

/** Tries the scenario of a number. Returns what is wrong with it, made as small as it gets within `patience` milliseconds, or until it is interrupted. */
export async function tryOne(hunt: Hunt, seed: number, patience: number, isInterrupted: () => boolean): Promise<Finding | undefined> {
	const [scenario] = fc.sample(hunt.scenarios, {seed, numRuns: 1});
	if (!scenario) {
		throw new TypeError('A sample of one has one.');
	}

	const {evaluator} = hunt;
	const began = performance.now();
	const comparisons = await compared(evaluator, scenario);
	hunt.spent += performance.now() - began;
	hunt.cases += comparisons.length;
	hunt.unclear += comparisons.filter(isUnclear).length;
	const wrong = comparisons.find(isWrong);
	if (!wrong || isInterrupted()) {
		return undefined;
	}

	const end = performance.now() + patience;
	return await explore(evaluator, scenario, wrong, seed, () => isInterrupted() || performance.now() > end);
}

async function explore(evaluator: Evaluator, scenario: Scenario, comparison: Comparison, seed: number, isOver: () => boolean): Promise<Finding> {
	const draft = draftOf({...scenario, policy: evaluator.within(scenario.policy)}, [comparison.packet]);
	const again = async (candidate: Scenario) => (await compared(evaluator, candidate)).find(isWrong);
	if (!await again(scenarioOf(draft))) {
		return {evaluator, seed, draft, stands: false, comparison};
	}

	const small = await shrink(draft, async candidate => await again(candidate) !== undefined, isOver);
	return {evaluator, seed, draft: small, stands: true, comparison: await again(scenarioOf(small)) ?? comparison};
}

/** An evaluator that throws is as wrong as one that contradicts. */
export async function compared(evaluator: Evaluator, scenario: Scenario): Promise<Comparison[]> {
	try {
		return await evaluator.compare(scenario);
	} catch (error) {
		const [packet] = scenario.packets;
		return packet ? [{packet, device: '', expected: 'a verdict', observed: `an error: ${messageOf(error)}`, why: ''}] : [];
	}
}

export function isWrong(comparison: Comparison): boolean {
	return comparison.observed !== comparison.expected && !isUnclear(comparison);
}

function isUnclear({observed}: Comparison): boolean {
	return observed.startsWith(noAnswer);
}

/** With everybody's verdict who can be asked without a network. */
export async function counterexampleOf({evaluator, seed, draft, comparison}: Finding, others: readonly Evaluator[] = pureEvaluators): Promise<Counterexample> {
	const scenario = scenarioOf(draft);
	const verdicts = await Promise.all([...new Set([...others, evaluator])].map(async each => ({each, comparisons: await compared(each, scenario)})));
	return {
		...draft,
		title: [`Found by scripts/fuzz-policy --seed ${seed}: ${evaluator.name} says "${comparison.observed}", the model "${comparison.expected}".`, comparison.why.replaceAll('\n', ' ')],
		verdicts: [
			...(verdicts.find(({each}) => each.name === 'reading')?.comparisons ?? []).map(({expected}) => ({by: 'model', says: expected})),
			...verdicts.flatMap(({each, comparisons}) => comparisons.map(({device, observed}) => ({by: [each.name, device].filter(Boolean).join(' '), says: observed.split('\n')[0] ?? ''}))),
		],
	};
}
