/** Random networks under random policies: what real pings experience is what the model says. */
import test from 'ava';
import fc from 'fast-check';
import {type Lab, type Packet, type Verdict, evaluator, pingAll} from '../../lib/index.ts';
import {arbitraryScenario, policyOf} from '../helpers/arbitrary-policy.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {pingPatience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';
import type {Address} from '../../lib/util/address.ts';

const [scenarios, policiesPerNetwork] = [6, 3];
/** Fixed, so that a failure comes back; scripts may look further with another. */
const seed = Number(process.env['SEED'] ?? 20_261_122);

const samples = fc.sample(arbitraryScenario({packets: 1, sctp: false}), {seed, numRuns: scenarios * policiesPerNetwork});

for (let index = 0; index < scenarios; index++) {
	const [first, ...others] = samples.slice(index * policiesPerNetwork, (index + 1) * policiesPerNetwork);
	test.serial(`network ${index + 1} of seed ${seed} does what its policies mean`, async t => {
		const lab = await labOf(t, new Sketch(first?.network ?? ''));
		for (const {lines, policy} of [first, ...others].filter(sample => sample !== undefined)) {
			const usable = usableLines(lab, lines);
			await lab.change(() => ({...policyOf(usable, lab.network.blueprint), isolation: policy.isolation}));
			const [expected, observed] = [expectedPairs(lab), await observedPairs(lab)];
			t.deepEqual(observed, expected, [first?.network, ...usable, `isolation ${policy.isolation}`].join('\n'));
			t.log(`${expected.size} pairs, ${[...expected.values()].filter(open => open).length} open`);
		}
	});
}

/** The lines of another network's scenario may name hosts that this one has not. */
function usableLines(lab: Lab, lines: readonly string[]): string[] {
	const usable = lines.filter(line => line.split(/[ (),]+/).filter(word => /^h\d+$/.test(word)).every(host => lab.inventory.hosts.has(host)));
	const made = new Set(usable.flatMap(line => /^(?:sg add|\w+ bind) (\w+)/.exec(line)?.[1] ?? []));
	const named = new Set(lines.flatMap(line => /^(?:sg add|\w+ bind) (\w+)/.exec(line)?.[1] ?? []));
	return [...[...named].filter(group => !made.has(group)).map(group => `sg add ${group}`), ...usable];
}

function pairsOf(lab: Lab): Array<[string, string]> {
	const hosts = [...lab.inventory.hosts.keys()];
	return hosts.flatMap(a => hosts.filter(b => b !== a && common(lab, a, b)).map((b): [string, string] => [a, b]));
}

/** As pingAll chooses them: IPv4 where both have it, else IPv6. */
function common(lab: Lab, a: string, b: string): {source: Address; destination: Address} | undefined {
	for (const wanted of [4, 6]) {
		const [source, destination] = [a, b].map(host => lab.node(host).interfaces.flatMap(({addresses}) => addresses.map(({address}) => address)).find(({family}) => family === wanted));
		if (source && destination) {
			return {source, destination};
		}
	}

	return undefined;
}

function expectedPairs(lab: Lab): Map<string, boolean> {
	const evaluate = evaluator(lab.policy, lab.inventory);
	return new Map(pairsOf(lab).map(([a, b]) => {
		const packet = common(lab, a, b);
		return [`${a}>${b}`, packet !== undefined && isAnswered(evaluate, packet)];
	}));
}

/** A ping needs its answer too: where the request makes no connection, the answer is judged alone, and it opens none. */
function isAnswered(evaluate: (packet: Packet) => Verdict, {source, destination}: Pick<Packet, 'source' | 'destination'>): boolean {
	const [protocol, request, answer] = source.family === 4 ? [1, 8, 0] : [58, 128, 129];
	const {action, stateful} = evaluate({source, destination, protocol, icmpType: request, icmpCode: 0});
	return action === 'allow' && (stateful || evaluate({source: destination, destination: source, protocol, icmpType: answer, icmpCode: 0, opens: false}).action === 'allow');
}

async function observedPairs(lab: Lab): Promise<Map<string, boolean>> {
	const pairs = pairsOf(lab);
	const {lost} = await pingAll(lab.network, {pairs, timeout: pingPatience});
	const closed = new Set(lost.map(([a, b]) => `${a}>${b}`));
	return new Map(pairs.map(([a, b]) => [`${a}>${b}`, !closed.has(`${a}>${b}`)]));
}
