/** What the drivers render means what the policy means: on random policies, flows and chains give the verdict of `evaluate`. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import {diffPerimeter, plainRouter, renderPerimeter, restoreText} from '../../lib/drivers/iptables-render.ts';
import {compile} from '../../lib/policy/compile.ts';
import {evaluator, explainVerdict} from '../../lib/policy/evaluate.ts';
import type {Packet} from '../../lib/policy/evaluate.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import type {Inventory} from '../../lib/policy/inventory.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {contains, formatAddress, parsePrefix, sameAddress} from '../../lib/util/address.ts';
import {arbitraryScenario, crosses} from '../helpers/arbitrary-policy.ts';
import {FlowOracle, trunk, verdictByTrace} from '../helpers/flow-oracle.ts';
import {packetText} from '../helpers/packets.ts';
import {judge} from '../helpers/iptables-interpreter.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

/** Every style of a switch, one after the other on the same switch; security groups know no other rules than those that allow. */
for (const style of ['rules', 'sg', 'fwaas', 'both'] as const) {
	test.serial(`switch, style ${style}: ofproto/trace agrees with the model`, async t => {
		let compared = 0;
		const details = await fc.check(fc.asyncProperty(arbitraryScenario({packets: 12, overlaps: true}), async ({inventory, policy: whole, packets, network, lines}) => {
			const policy = style === 'sg' ? {...whole, rules: whole.rules.filter(({action}) => action === 'allow')} : whole;
			const evaluate = evaluator(policy, inventory);
			for (const plan of plansOf('switch', inventory, policy)) {
				await oracle.install(plan, style);
				for (const packet of packets.filter(one => owes(inventory, plan, one) && !isGuarded(plan, one))) {
					const expected = evaluate(packet);
					const actual = await verdictByTrace(oracle, plan, packet, portOf(plan, packet));
					compared++;
					assert.deepEqual(actual, {action: expected.action === 'reject' ? 'deny' : expected.action, stateful: expected.stateful}, explain(plan, packet, network, lines, explainVerdict(expected)));
				}
			}
		}), {numRuns: 40});
		t.false(details.failed, failureOf(details));
		t.log(`${compared} verdicts compared`);
	});
}

test.serial('perimeter: the chains agree with the model', t => {
	let compared = 0;
	const details = fc.check(fc.property(arbitraryScenario({packets: 40, overlaps: true}), ({inventory, policy, packets, network, lines}) => {
		const evaluate = evaluator(policy, inventory);
		for (const plan of plansOf('perimeter', inventory, policy)) {
			const state = renderPerimeter(plan, plainRouter);
			const sets = diffPerimeter(plainRouter, state).create;
			const texts = {4: restoreText([], state.lines[4]), 6: restoreText([], state.lines[6])};
			for (const packet of packets.filter(one => owes(inventory, plan, one))) {
				const expected = evaluate(packet);
				const {verdict, mark, by} = judge(texts[packet.source.family], sets, packet);
				compared++;
				assert.deepEqual({action: verdict, stateful: mark !== 0}, {action: expected.action === 'reject' ? 'deny' : expected.action, stateful: expected.stateful}, explain(plan, packet, network, lines, by.join(' → ')));
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

/** Router advertisements and neighbour discovery from a secured port are no matter of the policy. */
function isGuarded(plan: DevicePlan, packet: Packet): boolean {
	return packet.protocol === protocolNumbers.icmp6 && [134, 135, 136].includes(packet.icmpType ?? 0)
		&& plan.guarded.some(({port, secured}) => secured && port === portOf(plan, packet));
}

function hostOf({hosts}: Inventory, address: Packet['source']): string | undefined {
	return [...hosts.values()].find(({addresses}) => addresses.some(own => sameAddress(own, address)))?.name;
}

/** The port of the host that has the source address; what no host here has comes over a trunk. */
function portOf(plan: DevicePlan, {source}: Packet): number {
	return plan.guarded.find(({addresses}) => addresses.some(own => sameAddress(own, source)))?.port ?? trunk;
}

function explain(plan: DevicePlan, packet: Packet, network: string, lines: readonly string[], why: string): string {
	return [`${plan.device}: ${packetText(packet)}`, network, ...lines, plan.shared.isolation, why].join('\n');
}
