/** What the drivers render means what the policy means: on random policies, flows and chains give the verdict of `evaluate`. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import {diffPerimeter, plainRouter, renderPerimeter, restoreText} from '../../lib/drivers/iptables-render.ts';
import {compile} from '../../lib/policy/compile.ts';
import {evaluator, explainVerdict} from '../../lib/policy/evaluate.ts';
import type {Packet} from '../../lib/policy/evaluate.ts';
import type {Inventory} from '../../lib/policy/inventory.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {contains, formatAddress, parsePrefix, sameAddress} from '../../lib/util/address.ts';
import {arbitraryScenario, crosses} from '../helpers/arbitrary-policy.ts';
import {FlowOracle, trunk, verdictByTrace} from '../helpers/flow-oracle.ts';
import {judge} from '../helpers/iptables-interpreter.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

test.serial('switch: ofproto/trace agrees with the model', async t => {
	let compared = 0;
	const details = await fc.check(fc.asyncProperty(arbitraryScenario({packets: 12, overlaps: true}), async ({inventory, policy, packets, network, lines}) => {
		const evaluate = evaluator(policy, inventory);
		for (const plan of plansOf('switch', inventory, policy)) {
			await oracle.install(plan);
			for (const packet of packets.filter(one => owes(inventory, plan, one))) {
				const expected = evaluate(packet);
				const actual = await verdictByTrace(oracle, plan, packet, portOf(plan, packet));
				compared++;
				assert.equal(actual, expected.action, explain(plan, packet, network, lines, explainVerdict(expected)));
			}
		}
	}), {numRuns: 40});
	t.false(details.failed, failureOf(details));
	t.log(`${compared} verdicts compared`);
});

test.serial('perimeter: the chains agree with the model', t => {
	let compared = 0;
	const details = fc.check(fc.property(arbitraryScenario({packets: 40, overlaps: true}), ({inventory, policy, packets, network, lines}) => {
		const evaluate = evaluator(policy, inventory);
		for (const plan of plansOf('perimeter', inventory, policy)) {
			const state = renderPerimeter(plan, plainRouter);
			const sets = diffPerimeter(plainRouter, state).create;
			const texts = {4: restoreText([], state.lines[4], new Map()), 6: restoreText([], state.lines[6], new Map())};
			for (const packet of packets.filter(one => owes(inventory, plan, one))) {
				const expected = evaluate(packet);
				const actual = judge(texts[packet.source.family], sets, packet);
				compared++;
				assert.equal(actual.verdict, expected.action, explain(plan, packet, network, lines, actual.by.join(' → ')));
			}
		}
	}), {numRuns: 200});
	t.false(details.failed, failureOf(details));
	t.log(`${compared} verdicts compared`);
});

/** The smallest failure in a few lines: fast-check's own report prints whole networks. */
function failureOf<T>({errorInstance, seed, counterexamplePath}: fc.RunDetails<T>): string {
	return `${errorInstance instanceof Error ? errorInstance.message : ''}\nseed ${seed}, path ${counterexamplePath ?? ''}`;
}

function plansOf(kind: DevicePlan['kind'], inventory: Inventory, policy: Parameters<typeof compile>[0]): DevicePlan[] {
	return [...compile(policy, inventory).devices.values()].filter(plan => plan.kind === kind);
}

const manyReceivers = ['224.0.0.0/4', '255.255.255.255', '0.0.0.0', 'ff00::/8'].map(parsePrefix);

/** A device owes the verdict for pairs of hosts that cross it, and for what comes from or goes outside; multicast is judged by receivers. */
function owes(inventory: Inventory, plan: DevicePlan, {source, destination}: Packet): boolean {
	const [from, to] = [hostOf(inventory, source), hostOf(inventory, destination)];
	const inside = (address: Packet['source']) => inventory.domains.some(({subnets}) => subnets.some(subnet => contains(subnet, address)));
	const isBroadcast = manyReceivers.some(prefix => contains(prefix, destination)) || (destination.family === 4 && /\.(0|255)$/.test(formatAddress(destination)));
	if (isBroadcast || sameAddress(source, destination)) {
		return false;
	}

	return from && to ? crosses(inventory, plan.device, from, to) : Boolean(from ?? !inside(source)) && Boolean(to ?? !inside(destination));
}

function hostOf({hosts}: Inventory, address: Packet['source']): string | undefined {
	return [...hosts.values()].find(({addresses}) => addresses.some(own => sameAddress(own, address)))?.name;
}

/** The port of the host that has the source address; what no host here has comes over a trunk. */
function portOf(plan: DevicePlan, {source}: Packet): number {
	return plan.guarded.find(({addresses}) => addresses.some(own => sameAddress(own, source)))?.port ?? trunk;
}

function explain(plan: DevicePlan, {source, destination}: Packet, network: string, lines: readonly string[], why: string): string {
	return [`${plan.device}: ${formatAddress(source)} to ${formatAddress(destination)}`, network, ...lines, plan.shared.isolation, why].join('\n');
}
