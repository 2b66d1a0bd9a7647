/** How a host gets to an edge router: over which interfaces, and by which link if there is none yet. Pure. */
import {isEdge} from '../topology/bgp-sessions.ts';
import type {Blueprint, InterfacePlan} from '../topology/blueprint.ts';
import {segmentsOf} from '../topology/segments.ts';
import {type LinkSpec, isStation} from '../topology/specs.ts';
import {type Address, isLinkLocal, tryParseInterfaceAddress} from '../util/address.ts';

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

/** Undefined when the two hear nothing of each other. @param segments of the blueprint, for who asks often */
export function attachmentOf(blueprint: Blueprint, host: string, router: string, segments = segmentsOf(blueprint)): Attachment | undefined {
	for (const own of blueprint.nodes.get(host)?.interfaces ?? []) {
		const segment = segments.get(own) ?? [];
		const port = segment.find(({node}) => node === router);
		if (port) {
			return {port, own, addresses: reachable(own.addresses.map(({address}) => address)), shared: segment.length > 2};
		}
	}

	return undefined;
}

/** Interfaces of a host that hear an edge router. */
export function edgeInterfaces(blueprint: Blueprint, host: string): InterfacePlan[] {
	const segments = segmentsOf(blueprint);
	return (blueprint.nodes.get(host)?.interfaces ?? []).filter(own => segments.get(own)?.some(({node}) => isEdge(blueprint.nodes.get(node))));
}

/** Those that the host has, or will have when it is linked; undefined for one that will be given one then. */
export function ownAddresses({nodes}: Blueprint, name: string): Address[] | undefined {
	const node = nodes.get(name);
	const said = node?.kind === 'host' ? node.options.ip : undefined;
	if (!node || (node.interfaces.length === 0 && said === undefined)) {
		return undefined;
	}

	const parsed = [said ?? []].flat().flatMap(text => tryParseInterfaceAddress(text) ?? []);
	return reachable((node.interfaces.length > 0 ? node.interfaces.flatMap(({addresses}) => addresses) : parsed).map(({address}) => address));
}

/** To the switch or bridge at the router's side, if it has one that leads to no other edge router; else to the router itself, which needs no address there: it answers for others. */
export function linksFor(blueprint: Blueprint, host: string, router: string): LinkSpec {
	const medium = accessSwitch(blueprint, router);
	return {ends: [{node: host, options: {}}, medium === undefined ? {node: router, options: {ip: []}} : {node: medium, options: {}}], options: {}};
}

function accessSwitch(blueprint: Blueprint, router: string): string | undefined {
	const {nodes, links} = blueprint;
	const segments = segmentsOf(blueprint);
	const sides = links.flatMap(({ends: [a, b]}) => a.node === router ? [[a, b] as const] : b.node === router ? [[b, a] as const] : []);
	return sides.find(([own, other]) => {
		const node = nodes.get(other.node);
		return node && !isStation(node) && !segments.get(own)?.some(each => each.node !== router && nodes.get(each.node)?.kind === 'router');
	})?.[1].node;
}

function reachable(addresses: readonly Address[]): Address[] {
	return addresses.filter(address => !isLinkLocal(address));
}
