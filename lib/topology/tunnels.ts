/** Tunnels of a blueprint: the endpoints of each, and what the file leaves out. */
import {type Address, contains, formatAddress, networkOf, sameAddress, tryParseAddress} from '../util/address.ts';
import {printable} from '../util/names.ts';
import type {Problems} from '../util/problems.ts';
import type {InterfacePlan, TunnelEndPlan, TunnelPlan, TunnelTransport} from './blueprint.ts';
import type {EndSpec, TunnelMode, TunnelOptions, TunnelSpec} from './specs.ts';

/** Bytes before what a tunnel carries: outer IPv4 header 20, GRE 4 and 4 more for a key, UDP and VXLAN 16; an inner Ethernet header 14 (RFC 2784, 2890, 7348). */
const headers = {ip: 20, gre: 4, key: 4, vxlan: 16, ethernet: 14} as const;
/** Hop limit of packets that should get through whatever number of routers there is; the one of ip-link(8) for VXLAN is the system's. */
const defaultTtl = {gre: 255, vxlan: 64} as const;
/** UDP port (RFC 7348, section 8). */
const vxlanPort = 4789;
/** Bytes of a packet in an SSH tunnel, which is a stream: any size passes. */
const sshMtu = 1500;
/** Seconds, and questions without an answer. */
const defaultKeepAlive = {interval: 120, count: 3} as const;

/** Whether a tunnel carries frames or packets. */
export function modeOf(options: TunnelOptions): TunnelMode {
	return options.via === 'vxlan' ? 'layer2' : options.mode ?? 'layer3';
}

/** Bytes that a tunnel adds to what it carries; 0 where that does not limit it. */
export function overheadOf(transport: TunnelTransport): number {
	switch (transport.via) {
		case 'gre': {
			return headers.ip + headers.gre + (transport.key === undefined ? 0 : headers.key) + (transport.mode === 'layer2' ? headers.ethernet : 0);
		}

		case 'vxlan': {
			return headers.ip + headers.vxlan + headers.ethernet;
		}

		case 'ssh': {
			return 0;
		}
	}
}

/**
@param tunnels whose ends all name hosts or routers
@param drafts one for each end, in order
@param interfacesOf of each node, those that are ends of links
@returns a tunnel whose endpoints are not clear is left out, and told
*/
export function planTunnels(tunnels: readonly TunnelSpec[], drafts: readonly InterfacePlan[], interfacesOf: ReadonlyMap<string, readonly InterfacePlan[]>, problems: Problems): TunnelPlan[] {
	let next = 0;
	const vnis = new Set(tunnels.flatMap(({options}) => options.via === 'vxlan' ? options.vni ?? [] : []));
	return tunnels.flatMap(({ends, options}) => {
		const own = drafts.slice(next, next += ends.length);
		const transport = transportOf(options, vnis);
		const underlays = own.map((each, index) => lastUnderlay(ends[index]) ?? underlayOf(each.node, ends[index]?.options.endpoint, interfacesOf, own, problems));
		if (!underlays.every(underlay => underlay !== undefined)) {
			return [];
		}

		return [{...transport, ends: own.map((each, index) => endOf(each, underlays[index] as Underlay, transport, ends[index]?.options.mtu ?? options.mtu))}];
	});
}

/** @param vnis that are taken; the one that is chosen is added */
function transportOf(options: TunnelOptions, vnis: Set<number>): TunnelTransport {
	switch (options.via) {
		case 'gre': {
			return {via: 'gre', mode: options.mode ?? 'layer3', ...options.key === undefined ? {} : {key: options.key}, ttl: options.ttl ?? defaultTtl.gre};
		}

		case 'vxlan': {
			return {via: 'vxlan', mode: 'layer2', vni: options.vni ?? freeVni(vnis), ttl: options.ttl ?? defaultTtl.vxlan, port: options.port ?? vxlanPort};
		}

		case 'ssh': {
			return {via: 'ssh', mode: options.mode ?? 'layer3', keepAlive: {...defaultKeepAlive, ...options.keepAlive}};
		}
	}
}

/** The lowest: after a removal they cannot be counted any more. */
function freeVni(taken: Set<number>): number {
	let vni = 1;
	while (taken.has(vni)) {
		vni++;
	}

	taken.add(vni);
	return vni;
}

type Underlay = {readonly endpoint: Address; readonly mtu: number};

function endOf(draft: InterfacePlan, {endpoint, mtu: outer}: Underlay, transport: TunnelTransport, given: number | undefined): TunnelEndPlan {
	const mtu = given ?? (transport.via === 'ssh' ? sshMtu : outer - overheadOf(transport));
	return {interface: draft.mtu === mtu ? draft : {...draft, mtu}, endpoint};
}

/** Of an end that is there already: it keeps its endpoint also when the link that had it is gone, for the link that brings it back. */
function lastUnderlay(end: EndSpec | undefined): Underlay | undefined {
	const {assigned, options: {endpoint = ''} = {}} = end ?? {};
	const address = assigned && tryParseAddress(endpoint);
	return address && {endpoint: address, mtu: assigned.mtu};
}

/** The address that was given, else the one that shares a subnet with another end, else the only one. */
function underlayOf(node: string, given: string | undefined, interfacesOf: ReadonlyMap<string, readonly InterfacePlan[]>, ends: readonly InterfacePlan[], problems: Problems): Underlay | undefined {
	const own = underlaysOf(node, interfacesOf);
	if (given !== undefined) {
		return givenUnderlay(node, given, own, problems);
	}

	const others = ends.filter(end => end.node !== node).flatMap(end => underlaysOf(end.node, interfacesOf));
	const near = own.filter(({subnet}) => others.some(({endpoint}) => contains(subnet, endpoint)));
	const [only, ...more] = near.length > 0 ? near : own;
	if (!only || (near.length === 0 && more.length > 0)) {
		problems.add(
			node,
			only ? `it has several addresses, and the other end of its tunnel is in the subnet of none: ${own.map(({endpoint}) => formatAddress(endpoint)).join(', ')}` : 'it ends a tunnel, but has no IPv4 address to which the other end could send',
			only ? `Say which one: node.interface({endpoint: '${formatAddress(only.endpoint)}'})` : 'Link it to the network that carries the tunnel, with an address',
		);
		return undefined;
	}

	return only;
}

function givenUnderlay(node: string, given: string, own: ReturnType<typeof underlaysOf>, problems: Problems): Underlay | undefined {
	const address = tryParseAddress(given);
	const found = address && own.find(({endpoint}) => sameAddress(endpoint, address));
	if (!found) {
		const known = own.map(({endpoint}) => formatAddress(endpoint)).join(', ');
		problems.add(node, `its tunnel's endpoint "${printable(given)}" is none of its own IPv4 addresses`, known === '' ? 'Link it to the network that carries the tunnel, with an address' : `Give one of ${known}`);
	}

	return found;
}

/** Tunnels are carried by IPv4. */
function underlaysOf(node: string, interfacesOf: ReadonlyMap<string, readonly InterfacePlan[]>) {
	return (interfacesOf.get(node) ?? []).flatMap(({addresses, mtu}) => addresses
		.filter(({address}) => address.family === 4)
		.map(given => ({endpoint: given.address, subnet: networkOf(given), mtu})));
}
