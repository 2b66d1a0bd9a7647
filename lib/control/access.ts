/** How a host gets to an edge router: over which interfaces, and by which link if there is none yet. Pure. */
import {isEdge} from '../topology/bgp-sessions.ts';
import type {Blueprint, InterfacePlan, NodePlan} from '../topology/blueprint.ts';
import {type Segment, segmentsOf} from '../topology/segments.ts';
import {type InterfaceOptions, type LinkSpec, isStation} from '../topology/specs.ts';
import {type Address, type InterfaceAddress, formatAddress, formatInterfaceAddress, isLinkLocal, tryParseInterfaceAddress} from '../util/address.ts';
import type {Joining} from './control-plane.ts';

/** Of the blueprint, by interface: found once for many hosts. */
export type Segments = ReadonlyMap<InterfacePlan, Segment>;

export type Attachment = {
	/** Interface of the router. */
	readonly port: InterfacePlan;
	/** Interface of the host. */
	readonly own: InterfacePlan;
	/** Of the host there, but those that are of its link only. */
	readonly addresses: readonly Address[];
	/** Whether others hear the two: they are on a LAN. */
	readonly shared: boolean;
};

/** Undefined when the two hear nothing of each other. */
export function attachmentOf({nodes}: Blueprint, host: string, router: string, segments: Segments): Attachment | undefined {
	for (const own of nodes.get(host)?.interfaces ?? []) {
		const segment = segments.get(own) ?? [];
		const port = segment.find(({node}) => node === router);
		if (port) {
			return {port, own, addresses: reachable(own.addresses.map(({address}) => address)), shared: segment.length > 2};
		}
	}

	return undefined;
}

/** Interfaces of a host that hear an edge router. */
export function edgeInterfaces({nodes}: Blueprint, host: string, segments: Segments): InterfacePlan[] {
	return (nodes.get(host)?.interfaces ?? []).filter(own => segments.get(own)?.some(({node}) => isEdge(nodes.get(node))));
}

/** Those that the host has, or will have when it is linked; undefined for one that will be given one then. */
export function ownAddresses({nodes}: Blueprint, name: string): Address[] | undefined {
	const node = nodes.get(name);
	if (!node || (node.interfaces.length === 0 && saidOf(node) === undefined)) {
		return undefined;
	}

	return reachable([...node.interfaces.flatMap(({addresses}) => addresses), ...waiting(node)].map(({address}) => address));
}

/**
To the switch or bridge at the router's side, if it has one that leads to no other edge router; else to the router itself, which needs no address there: it answers for others.

@param before of a host, the interface that it had in the place of the new one
*/
export function linksFor(blueprint: Blueprint, joinings: readonly Joining[], before: (host: string) => InterfacePlan | undefined): LinkSpec[] {
	const segments = segmentsOf(blueprint);
	const mediums = new Map([...new Set(joinings.map(({router}) => router))].map(router => [router, accessSwitch(blueprint, router, segments)]));
	return joinings.map(({host, router}) => {
		const medium = mediums.get(router);
		const options = ownOptions(blueprint.nodes.get(host), before(host));
		return {ends: [{node: host, options}, medium === undefined ? {node: router, options: {ip: []}} : {node: medium, options: {}}], options: {}};
	});
}

/** Those of the link that it had are said; else a host without a link is given its addresses with the next one, and where it has others, they are said. */
function ownOptions(host: NodePlan | undefined, before: InterfacePlan | undefined): InterfaceOptions {
	if (before && before.addresses.length > 0) {
		return {ip: before.addresses.map(formatInterfaceAddress), mac: before.mac};
	}

	if (!host || host.interfaces.length === 0) {
		return {};
	}

	const ip = waiting(host).map(formatInterfaceAddress);
	return ip.length > 0 ? {ip} : {};
}

/** What the host says of its addresses, while none of its links carries any of them: it may have lost the one that did, and have others. Where one carries some of them, that link was told which, and the rest is given up. */
function waiting(host: NodePlan): InterfaceAddress[] {
	const said = [saidOf(host) ?? []].flat().flatMap(text => tryParseInterfaceAddress(text) ?? []);
	const carried = new Set(host.interfaces.flatMap(({addresses}) => addresses).map(({address}) => formatAddress(address)));
	return said.some(({address}) => carried.has(formatAddress(address))) ? [] : said;
}

function saidOf(node: NodePlan): string | readonly string[] | undefined {
	return node.kind === 'host' ? node.options.ip : undefined;
}

function accessSwitch({nodes, links}: Blueprint, router: string, segments: Segments): string | undefined {
	const sides = links.flatMap(({ends: [a, b]}) => a.node === router ? [[a, b] as const] : b.node === router ? [[b, a] as const] : []);
	return sides.find(([own, other]) => {
		const node = nodes.get(other.node);
		return node && !isStation(node) && !segments.get(own)?.some(each => each.node !== router && nodes.get(each.node)?.kind === 'router');
	})?.[1].node;
}

function reachable(addresses: readonly Address[]): Address[] {
	return addresses.filter(address => !isLinkLocal(address));
}
