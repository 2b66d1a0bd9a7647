/** What a policy needs to know of a network: who has which address behind which port, and which devices a pair's traffic crosses. */
import type {Blueprint, InterfacePlan, NodePlan} from '../topology/blueprint.ts';
import {type FirewallName, firewallOf} from '../topology/firewalls.ts';
import {wiresOf} from '../topology/wires.ts';
import {contains, linkLocalAddress, parsePrefix, sameAddress} from '../util/address.ts';
import type {Address, Mac, Prefix} from '../util/address.ts';
import {compareNames} from '../util/names.ts';
import {broadcastsOf} from './broadcasts.ts';
import {domainsOf, isPerimeter} from './domains.ts';
import {partsAround} from './parts.ts';

export type Inventory = {
	readonly hosts: ReadonlyMap<string, HostEntry>;
	readonly routers: ReadonlyMap<string, RouterEntry>;
	/** The enforcement points: every OVS switch, every perimeter router. Each knows its parts (see DeviceEntry). */
	readonly devices: ReadonlyMap<string, DeviceEntry>;
	/**
	What a perimeter firewall parts from each other. All subnets of the same domain reach each other without
	crossing one; a pair of different domains crosses one. An address in no listed subnet lies outside: it is in
	the domain `outside` of its own when any domain has a perimeter router, see `domainOf`.
	*/
	readonly domains: readonly Domain[];
	/** What hosts take for everybody on their link, by the subnets of the interfaces; an address that an interface has is not among them. Sorted, each once. */
	readonly broadcasts: readonly Address[];
};

export type HostEntry = {
	readonly name: string;
	/** All addresses of all interfaces, both families, link-local ones (from the MAC) included where IPv6 is on. */
	readonly addresses: readonly Address[];
	readonly allowedAddresses: readonly Prefix[];
	readonly portSecurity: boolean;
	readonly attachments: readonly Attachment[];
};

/** Where a host's interface meets a device that can guard its port. */
export type Attachment = {
	/** The neighbouring node: a switch, a bridge, a router or another host. */
	readonly node: string;
	/** Port number on a switch or bridge. */
	readonly port?: number;
	readonly mac: Mac;
	/** Addresses of this interface alone, link-local included. */
	readonly addresses: readonly Address[];
};

export type RouterEntry = {
	readonly name: string;
	readonly perimeter: boolean;
	/** Addresses of all interfaces, link-local included where IPv6 is on. */
	readonly addresses: readonly Address[];
	/** MACs of all interfaces. */
	readonly macs: readonly Mac[];
};

export type Domain = {
	readonly id: number;
	readonly subnets: readonly Prefix[];
	/** Whether a perimeter router borders it: its traffic with the outside then crosses one. */
	readonly perimeter: boolean;
};

/** Kinds of enforcement points: Open vSwitch, Linux bridge, perimeter router. */
export type DeviceKind = 'switch' | 'bridge' | 'perimeter';

export type DeviceEntry = {
	readonly name: string;
	readonly kind: DeviceKind;
	/** The driver it has when the lab comes up. */
	readonly firewall: FirewallName;
	/** Connection tracking zone, unique in the lab, from 1. */
	readonly zone: number;
	/** Host ports of a switch, by port number. Empty on a perimeter router. */
	readonly hostPorts: ReadonlyMap<number, {readonly host: string; readonly mac: Mac; readonly addresses: readonly Address[]}>;
	/** All port numbers of a switch, host ports included. */
	readonly ports: readonly number[];
	/**
	The part of the network each host is in once this device is taken out; a pair of the same part does not cross
	the device. A negative part is one whose pairs may cross it all the same, such as a loop (see parts.ts). A host
	that has no way to the device is in none.
	*/
	readonly partOf: ReadonlyMap<string, number>;
};

/** Reads a network's inventory from its blueprint. Costs grow with devices × hosts, the size of all `partOf`. */
export function inventoryOf(blueprint: Blueprint): Inventory {
	const nodes = [...blueprint.nodes.values()];
	const peerOf = peersOf(blueprint);
	return {
		hosts: new Map(nodes.filter(node => node.kind === 'host').map(node => [node.name, hostEntry(node, peerOf)])),
		routers: new Map(nodes.filter(node => node.kind === 'router').map(node => [node.name, {
			name: node.name,
			perimeter: isPerimeter(node),
			addresses: node.interfaces.flatMap(plan => addressesOf(plan, node)),
			macs: node.interfaces.map(({mac}) => mac),
		}])),
		devices: devicesOf(blueprint, peerOf),
		domains: domainsOf(blueprint),
		broadcasts: broadcastsOf(nodes),
	};
}

/** The domain an address lies in; undefined means outside. */
export function domainOf({domains}: Pick<Inventory, 'domains'>, address: Address): Domain | undefined {
	return domains.find(({subnets}) => subnets.some(subnet => contains(subnet, address)));
}

/**
Whether a perimeter firewall stands between two domains, undefined being the outside: between any two that differ, save that the
outside is not parted from a domain that no perimeter router borders. Link-local addresses are outside of every domain.
*/
export function isParted(a: Domain | undefined, b: Domain | undefined): boolean {
	return a && b ? a.id !== b.id : (a ?? b)?.perimeter === true;
}

/** Every end of a link or tunnel to the end it meets. */
type PeerOf = ReadonlyMap<InterfacePlan, InterfacePlan>;

function peersOf(blueprint: Blueprint): PeerOf {
	return new Map(wiresOf(blueprint).flatMap(([a, b]) => [[a, b], [b, a]] as const));
}

function hostEntry(node: NodePlan & {readonly kind: 'host'}, peerOf: PeerOf): HostEntry {
	return {
		name: node.name,
		addresses: node.interfaces.flatMap(plan => addressesOf(plan, node)),
		allowedAddresses: (node.options.allowedAddresses ?? []).map(parsePrefix),
		portSecurity: node.options.portSecurity ?? true,
		attachments: node.interfaces.flatMap(plan => {
			const peer = peerOf.get(plan);
			return peer ? [{node: peer.node, ...peer.port === undefined ? {} : {port: peer.port}, mac: plan.mac, addresses: addressesOf(plan, node)}] : [];
		}),
	};
}

/** The kernel gives every interface a link-local address as soon as IPv6 is on. */
function addressesOf({addresses, mac}: InterfacePlan, {ipv6}: NodePlan): Address[] {
	const own = addresses.map(({address}) => address);
	if (!ipv6) {
		return own;
	}

	const linkLocal = linkLocalAddress(mac);
	return own.some(address => sameAddress(address, linkLocal)) ? own : [...own, linkLocal];
}

function devicesOf(blueprint: Blueprint, peerOf: PeerOf): Map<string, DeviceEntry> {
	const partOf = partsAround(blueprint);
	const devices = [...blueprint.nodes.values()]
		.flatMap(node => ({node, firewall: firewallOf(node)}))
		.filter((each): each is {node: NodePlan; firewall: FirewallName} => each.firewall !== undefined)
		.sort((a, b) => compareNames(a.node.name, b.node.name));
	return new Map(devices.map(({node, firewall}, index) => [node.name, {
		name: node.name,
		kind: node.kind === 'switch' || node.kind === 'bridge' ? node.kind : 'perimeter',
		firewall,
		zone: index + 1,
		hostPorts: hostPortsOf(node, blueprint, peerOf),
		ports: node.interfaces.flatMap(({port}) => port ?? []).sort((a, b) => a - b),
		partOf: partOf(node.name),
	}]));
}

function hostPortsOf({interfaces}: NodePlan, {nodes}: Blueprint, peerOf: PeerOf): DeviceEntry['hostPorts'] {
	const ports = new Map<number, {host: string; mac: Mac; addresses: Address[]}>();
	for (const plan of interfaces) {
		const peer = peerOf.get(plan);
		const host = nodes.get(peer?.node ?? '');
		if (plan.port !== undefined && peer && host?.kind === 'host') {
			ports.set(plan.port, {host: host.name, mac: peer.mac, addresses: addressesOf(peer, host)});
		}
	}

	return new Map([...ports].sort(([a], [b]) => a - b));
}
