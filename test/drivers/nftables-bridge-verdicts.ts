/** What the bridge driver renders means what the policy means: on random policies, real frames over a real bridge get the verdict of `evaluate`. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import {createBridgeDriver} from '../../lib/drivers/nftables-bridge.ts';
import {compile} from '../../lib/policy/compile.ts';
import {evaluator, explainVerdict} from '../../lib/policy/evaluate.ts';
import type {Packet} from '../../lib/policy/evaluate.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import type {Inventory} from '../../lib/policy/inventory.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import {words} from '../../lib/probes/bytes.ts';
import {ipFrame} from '../../lib/probes/frame.ts';
import {tcp, udp} from '../../lib/probes/packet.ts';
import type {Payload} from '../../lib/probes/packet.ts';
import {tcpFlag} from '../../lib/probes/protocols.ts';
import {contains, formatAddress, parsePrefix, sameAddress} from '../../lib/util/address.ts';
import {arbitraryScenario, crosses} from '../helpers/arbitrary-policy.ts';
import {Wire, buildBridge} from '../helpers/bridge.ts';
import {packetText} from '../helpers/packets.ts';
import {Installed} from '../helpers/router.ts';

const trunk = 12;
const far = 11;
const ports = Array.from({length: trunk}, (_, index) => index + 1);
const scene = await buildBridge(ports, {mute: true});
const wire = new Wire(scene, ports);
const installed = new Installed(createBridgeDriver({namespaceOf: () => scene.fabric}));
test.after.always(() => {
	wire[Symbol.dispose]();
	scene.down();
});

test.serial('real frames agree with the model', async t => {
	const compared = {allow: 0, deny: 0};
	const details = await fc.check(fc.asyncProperty(arbitraryScenario({packets: 12, overlaps: true}), async ({inventory, policy, packets, network, lines}) => {
		const evaluate = evaluator(policy, inventory);
		for (const plan of [...compile(policy, inventory).devices.values()].filter(({kind}) => kind === 'switch')) {
			// Ports 11 and 12 lead to others, whatever the network has there.
			await installed.change(installed.driver.render({...plan, device: 's1', ports: [...new Set([...plan.ports, far, trunk])]}, installed.state));
			for (const packet of packets.filter(one => owes(inventory, plan, one) && canBeSent(one))) {
				const {action, stateful} = evaluate(packet);
				await installed.cutAll();
				const left = await wire.leaves(portOf(plan, packet), frameOf(plan, packet));
				const connections = await installed.connections();
				const actual = {action: left.includes(far) || left.includes(trunk) ? 'allow' as const : 'deny' as const, stateful: connections.length > 0};
				compared[actual.action]++;
				assert.deepEqual(actual, {action: action === 'reject' ? 'deny' : action, stateful}, [plan.device, packetText(packet), network, ...lines, plan.shared.isolation, explainVerdict(evaluate(packet))].join('\n'));
			}
		}
	}), {numRuns: 20});
	t.false(details.failed, `${details.errorInstance instanceof Error ? details.errorInstance.message : ''}\nseed ${details.seed}, path ${details.counterexamplePath ?? ''}`);
	t.true(compared.allow > 0 && compared.deny > 0);
	t.log(`${compared.allow} allowed, ${compared.deny} denied`);
});

/** To a MAC that nobody has: what may pass is flooded to the ports that lead to others. */
function frameOf(plan: DevicePlan, packet: Packet): Buffer {
	const {source, destination} = packet;
	const mac = plan.guarded.find(({port}) => port === portOf(plan, packet))?.mac ?? '02:00:00:00:00:fe';
	const [router] = plan.shared.routers.prefixes.some(prefix => contains(prefix, destination)) ? plan.shared.routerMacs : [];
	return ipFrame({mac, address: source}, {mac: router ?? '02:00:00:00:00:ff', address: destination}, payloadOf(packet));
}

function payloadOf({protocol, sport = 0, dport = 0, icmpType = 0, icmpCode = 0, opens = true}: Packet): Payload {
	switch (protocol) {
		case protocolNumbers.tcp:
			return tcp([sport, dport], opens ? tcpFlag.syn : tcpFlag.ack);
		case protocolNumbers.udp:
			return udp([sport, dport]);
		default:
			return {protocol, bytes: words((icmpType * 256) + icmpCode, 0, 7, 1), checksumAt: 2};
	}
}

/** Of these it is known what connection tracking makes of them: it knows by the packet whether TCP opens a connection, an echo request and UDP always do. */
function canBeSent({protocol, icmpType = 0, opens = true}: Packet): boolean {
	switch (protocol) {
		case protocolNumbers.tcp:
			return true;
		case protocolNumbers.udp:
			return opens;
		case protocolNumbers.icmp:
		case protocolNumbers.icmp6:
			return opens && [8, 128].includes(icmpType);
		default:
			return false;
	}
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

function portOf(plan: DevicePlan, {source}: Packet): number {
	return plan.guarded.find(({addresses}) => addresses.some(own => sameAddress(own, source)))?.port ?? trunk;
}
