/** What the drivers render means what the policy means: on random policies, flows, chains and tables give the verdict of `evaluate`. */
import {readFileSync, readdirSync} from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import {arbitraryScenario} from '../helpers/arbitrary-policy.ts';
import {counterexampleText, readCounterexample, scenarioOf} from '../helpers/counterexample.ts';
import {type Evaluator, pureEvaluators, tracingEvaluators} from '../helpers/evaluators.ts';
import {FlowOracle} from '../helpers/flow-oracle.ts';
import {forgetful} from '../helpers/forgetful-evaluator.ts';
import {packetText} from '../helpers/packets.ts';
import {type Finding, compared, counterexampleOf, huntOf, tryOne} from '../helpers/search.ts';

/** A datapath of dummy ports needs no root. */
const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

const tracing = tracingEvaluators(oracle);
/** The second reading of a policy is held against the model in test/policy/evaluate.ts. A bridge has hundreds of lines, and most packets cross it. */
const runs: ReadonlyArray<readonly [evaluator: Evaluator, runs: number, packets: number]> = [
	...pureEvaluators.filter(({name}) => name !== 'reading').map(evaluator => [evaluator, evaluator.name === 'nftables-bridge' ? 50 : 150, 40] as const),
	...tracing.map(evaluator => [evaluator, 40, 12] as const),
];

let comparedWithoutRoot = 0;

for (const [evaluator, numRuns, packets] of runs) {
	const {name, compare} = evaluator;
	test.serial(`${name} agrees with the model`, async t => {
		let compared = 0;
		const details = await fc.check(fc.asyncProperty(arbitraryScenario({packets, overlaps: true}), async scenario => {
			const comparisons = await compare(scenario);
			compared += comparisons.length;
			const wrong = comparisons.find(({expected, observed}) => observed !== expected);
			if (wrong) {
				const {device, packet, expected, observed, why} = wrong;
				throw new Error([`${device}: ${packetText(packet)} is ${observed}, should be ${expected}`, scenario.network, ...scenario.lines, scenario.policy.isolation, why].join('\n'));
			}
		}), {numRuns});
		t.false(details.failed, `${details.errorInstance instanceof Error ? details.errorInstance.message : ''}\nseed ${details.seed}, path ${details.counterexamplePath ?? ''}`);
		t.log(`${compared} verdicts compared`);
		t.true(compared > numRuns);
		comparedWithoutRoot += pureEvaluators.includes(evaluator) ? compared : 0;
	});
}

test.serial('at least 2,000 cases were compared without root', t => {
	t.true(comparedWithoutRoot >= 2000, `${comparedWithoutRoot}`);
	t.log(`${comparedWithoutRoot} cases`);
});

const folder = 'test/fixtures/policies';

/** What scripts/fuzz-policy has found and what was written by hand: each says what the model's verdicts are, and all agree. */
for (const file of readdirSync(folder)) {
	test.serial(`counterexample ${file}: all agree`, async t => {
		const counterexample = readCounterexample(readFileSync(`${folder}/${file}`, 'utf8'));
		const scenario = scenarioOf(counterexample);
		for (const evaluator of [...pureEvaluators, ...tracing]) {
			const comparisons = await compared(evaluator, scenario);
			const told = (key: 'expected' | 'observed') => comparisons.map(each => `${each.device} ${packetText(each.packet)} is ${each[key]}`);
			t.deepEqual(told('observed'), told('expected'), evaluator.name);
			if (evaluator.name === 'reading') {
				t.deepEqual(comparisons.map(({expected}) => expected), counterexample.verdicts.filter(({by}) => by === 'model').map(({says}) => says));
			}
		}
	});
}

test('a mistake is found, made small, and reads back from what is kept of it', async t => {
	const hunt = huntOf(forgetful);
	let finding: Finding | undefined;
	for (let seed = 0; !finding && seed < 100; seed++) {
		finding = await tryOne(hunt, seed, Infinity, () => false);
	}

	t.truthy(finding?.stands);
	if (finding) {
		const {network, lines, packets} = finding.draft;
		t.deepEqual([network.length, lines.length, packets.length], [1, 1, 1], lines.join('\n'));
		t.regex(lines.join(''), /^secrule add reject any to any$/);
		const counterexample = await counterexampleOf(finding);
		t.deepEqual(readCounterexample(counterexampleText(counterexample)), counterexample);
	}
});
