/** Random networks under random policies, for every driver: what real probes experience is what the model says. */
import {readFileSync, readdirSync} from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import type {Lab} from '../../lib/index.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import type {FirewallName} from '../../lib/topology/firewalls.ts';
import type {Scenario, ScenarioOptions} from '../helpers/arbitrary-policy.ts';
import {readCounterexample, scenarioOf} from '../helpers/counterexample.ts';
import {onlyAllow} from '../helpers/evaluators.ts';
import {arbitraryLiveScenario, isBalanced, liveDrivers, liveEvaluator, probeScenario, topologyFor, tracksSctp} from '../helpers/live.ts';
import {packetText} from '../helpers/packets.ts';
import {labOf} from '../helpers/scenario.ts';

/** Fixed, so that a failure comes back; scripts/fuzz-policy looks further. */
const seed = 20_261_122;
const [policies, probes] = [2, 45];

let cases = 0;
/** Drivers that were asked about SCTP. */
const askedSctp = new Set<FirewallName>();

/** Those that let some of the probes pass and others not. */
function scenariosOf(lab: Lab, driver: FirewallName, options: ScenarioOptions, number: number): Scenario[] {
	const samples = fc.sample(arbitraryLiveScenario(options, probes), {seed: number, numRuns: 40});
	const within = samples.map(scenario => driver === 'sg' ? {...scenario, policy: onlyAllow(scenario.policy)} : scenario);
	return within.filter(scenario => isBalanced(lab, scenario)).slice(0, policies);
}

for (const [index, driver] of liveDrivers.entries()) {
	test.serial(`${driver}: real probes get the verdicts of the model`, async t => {
		const networks = fc.sample(arbitraryLiveScenario({perimeter: true}, 1), {seed: seed + index, numRuns: 10}).map(({network}) => network);
		const network = networks.reduce((widest, each) => hostCount(each) > hostCount(widest) ? each : widest);
		const lab = await labOf(t, topologyFor(driver, network), {firewalls: [driver]});
		for (const scenario of scenariosOf(lab, driver, {network, maxRules: 12, sctp: tracksSctp(driver)}, seed + index)) {
			const comparisons = await probeScenario(lab, scenario);
			const told = (key: 'expected' | 'observed') => comparisons.map(each => `${packetText(each.packet)}: ${each[key]} (${each.why})`);
			t.deepEqual(told('observed'), told('expected'), [network, ...scenario.lines, `isolation ${scenario.policy.isolation}`].join('\n'));
			cases += comparisons.length;
			if (comparisons.some(({packet}) => packet.protocol === protocolNumbers.sctp)) {
				askedSctp.add(driver);
			}

			t.log(`${comparisons.length} probes, ${comparisons.filter(({observed}) => observed === 'allowed').length} allowed`);
		}
	});
}

function hostCount(network: string): number {
	return network.match(/^h/gm)?.length ?? 0;
}

const folder = 'test/fixtures/policies';

/** Those that a real network was asked about, by the drivers that they name. */
for (const file of readdirSync(folder)) {
	const counterexample = readCounterexample(readFileSync(`${folder}/${file}`, 'utf8'));
	const named = new Set(counterexample.verdicts.map(({by}) => by));
	for (const evaluator of liveDrivers.map(liveEvaluator).filter(({name}) => named.has(name))) {
		test.serial(`counterexample ${file}, ${evaluator.name}: real probes get the verdicts of the model`, async t => {
			const comparisons = await evaluator.compare(scenarioOf(counterexample));
			t.deepEqual(comparisons.map(({observed}) => observed), comparisons.map(({expected}) => expected));
			t.deepEqual(comparisons.map(({observed}) => observed).sort(), counterexample.verdicts.filter(({by}) => by === evaluator.name).map(({says}) => says).sort());
		});
	}
}

test.serial('at least 300 cases were real', t => {
	t.true(cases >= 300, `${cases}`);
	t.deepEqual([...askedSctp], liveDrivers.filter(tracksSctp), 'drivers that were asked about SCTP');
	t.log(`${cases} cases`);
});
