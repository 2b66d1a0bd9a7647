/** For which packets a device owes the verdict of the policy, and by which port of it they come in. */
import type {Packet} from '../../lib/policy/evaluate.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import type {Inventory} from '../../lib/policy/inventory.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import {contains, formatAddress, parsePrefix, sameAddress} from '../../lib/util/address.ts';
import {crosses} from './arbitrary-policy.ts';

/** Pairs of hosts that cross the device, and what comes from or goes outside. Multicast is judged by receivers, and discovery at a secured port is no matter of the policy. */
export function owes(inventory: Inventory, plan: DevicePlan, packet: Packet): boolean {
	const {source, destination} = packet;
	const [from, to] = [hostOf(inventory, source), hostOf(inventory, destination)];
	const inside = (address: Packet['source']) => inventory.domains.some(({subnets}) => subnets.some(subnet => contains(subnet, address)));
	if (isToMany(packet) || sameAddress(source, destination) || isGuarded(plan, packet)) {
		return false;
	}

	return from && to ? crosses(inventory, plan.device, from, to) : Boolean(from ?? !inside(source)) && Boolean(to ?? !inside(destination));
}

/** The port of the host that has the source address; what no host here has comes over the trunk. */
export function portOf(plan: DevicePlan, {source}: Packet, trunk: number): number {
	return plan.guarded.find(({addresses}) => addresses.some(own => sameAddress(own, source)))?.port ?? trunk;
}

const manyReceivers = ['224.0.0.0/4', '255.255.255.255', '0.0.0.0', 'ff00::/8'].map(parsePrefix);

function isToMany({destination}: Packet): boolean {
	return manyReceivers.some(prefix => contains(prefix, destination)) || (destination.family === 4 && /\.(0|255)$/.test(formatAddress(destination)));
}

/** Router advertisements and neighbour discovery from a secured port. */
function isGuarded({guarded}: DevicePlan, {source, protocol, icmpType = 0}: Packet): boolean {
	return protocol === protocolNumbers.icmp6 && [134, 135, 136].includes(icmpType) && guarded.some(({secured, addresses}) => secured && addresses.some(own => sameAddress(own, source)));
}

function hostOf({hosts}: Inventory, address: Packet['source']): string | undefined {
	return [...hosts.values()].find(({addresses}) => addresses.some(own => sameAddress(own, address)))?.name;
}
