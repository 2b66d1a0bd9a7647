/** Checks of addresses: fit for an interface, each once in the topology, and no two subnets of a router in each other's way. */
import {
	type Address, type InterfaceAddress, type Prefix, contains, formatAddress, formatPrefix, isLinkLocal, lastOf, networkOf, parsePrefix, width,
} from '../../util/address.ts';
import {printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import type {Blueprint, InterfacePlan} from '../blueprint.ts';
import {type Segment, segmentsOf} from '../segments.ts';

/** Ranges of the IANA special-purpose registries that no interface can have as its own. */
const unusable: ReadonlyArray<{readonly prefix: Prefix; readonly words: string}> = [
	{prefix: parsePrefix('0.0.0.0/8'), words: 'means "this network"'},
	{prefix: parsePrefix('127.0.0.0/8'), words: 'is a loopback address'},
	{prefix: parsePrefix('224.0.0.0/4'), words: 'is a multicast address'},
	{prefix: parsePrefix('240.0.0.0/4'), words: 'is reserved'},
	{prefix: parsePrefix('::'), words: 'means "no address"'},
	{prefix: parsePrefix('::1'), words: 'is a loopback address'},
	{prefix: parsePrefix('ff00::/8'), words: 'is a multicast address'},
];

export function checkUsableAddresses({nodes}: Blueprint, problems: Problems): void {
	for (const {name, interfaces} of nodes.values()) {
		for (const {address} of interfaces.flatMap(each => each.addresses)) {
			const range = unusable.find(({prefix}) => contains(prefix, address));
			if (range) {
				problems.add(name, `${formatAddress(address)} ${range.words}`, 'Give an address for a single interface, such as 10.0.0.1/24');
			}
		}
	}
}

/** Subnets of one or two addresses have neither (RFC 3021, RFC 6164); IPv6 has no broadcast, but its first address is every router's (RFC 4291, section 2.6.1). */
export function checkBroadcastAddresses({nodes}: Blueprint, problems: Problems): void {
	for (const {name, interfaces} of nodes.values()) {
		for (const given of interfaces.flatMap(each => each.addresses)) {
			const role = roleInSubnet(given);
			if (role) {
				problems.add(name, `${formatAddress(given.address)} is the ${role} address of ${formatPrefix(networkOf(given))}`, 'Give an address between the first and the last of the subnet');
			}
		}
	}
}

function roleInSubnet(given: InterfaceAddress): 'network' | 'broadcast' | undefined {
	const {address, length} = given;
	const network = networkOf(given);
	if (width(address.family) - length < 2) {
		return undefined;
	}

	return address.value === network.value ? 'network' : address.family === 4 && address.value === lastOf(network) ? 'broadcast' : undefined;
}

/** Policy tells hosts by their addresses, so an address is unique in the topology; link-local ones only where they are heard. */
export function checkDuplicateAddresses({nodes, links, tunnels}: Blueprint, problems: Problems): void {
	const segments = segmentsOf({nodes, links, tunnels});
	const owners: Owners = new Map();
	for (const {name: node, interfaces} of nodes.values()) {
		for (const each of interfaces) {
			for (const {address} of each.addresses) {
				const owner = claim(owners, isLinkLocal(address) ? segments.get(each) : undefined, address, each);
				if (owner) {
					problems.add(node, `${formatAddress(address)} is already the address of ${owner.node} (${printable(owner.name)})`, 'Give each interface an address of its own');
				}
			}
		}
	}
}

/** By segment (undefined: the whole topology), then by the address's value, negative for IPv6. */
type Owners = Map<Segment | undefined, Map<bigint, InterfacePlan>>;

/** @returns who has the address already */
function claim(owners: Owners, where: Segment | undefined, {family, value}: Address, claimant: InterfacePlan): InterfacePlan | undefined {
	const here = owners.get(where) ?? new Map<bigint, InterfacePlan>();
	owners.set(where, here);
	const key = family === 4 ? value : -value;
	const owner = here.get(key);
	here.set(key, owner ?? claimant);
	return owner;
}

type Subnet = {readonly prefix: Prefix; readonly on: InterfacePlan};

/** Prefixes overlap only when one lies in the other: sorted, each has to be compared with the last one that reaches furthest. */
export function checkRouterSubnets({nodes}: Blueprint, problems: Problems): void {
	for (const {name, kind, interfaces} of nodes.values()) {
		let widest: Subnet | undefined;
		for (const subnet of kind === 'router' ? sortedSubnets(interfaces) : []) {
			if (!widest || widest.prefix.family !== subnet.prefix.family || subnet.prefix.value > lastOf(widest.prefix)) {
				widest = subnet;
			} else if (widest.on !== subnet.on) {
				problems.add(name, `${subnetText(subnet)} lies in ${subnetText(widest)}`, 'Give each interface of a router a subnet of its own');
			}
		}
	}
}

function sortedSubnets(interfaces: readonly InterfacePlan[]): Subnet[] {
	return interfaces
		.flatMap(on => on.addresses.map(networkOf).filter(network => !isLinkLocal(network)).map(prefix => ({prefix, on})))
		.sort(({prefix: a}, {prefix: b}) => a.family - b.family || (a.value < b.value ? -1 : a.value > b.value ? 1 : a.length - b.length));
}

function subnetText({prefix, on}: Subnet): string {
	return `${formatPrefix(prefix)} of ${printable(on.name)}`;
}
