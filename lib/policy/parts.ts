/** Which hosts a device parts: the parts of the network that are left once the device is taken out. */
import type {Blueprint, InterfacePlan} from '../topology/blueprint.ts';
import {segmentsOf} from '../topology/segments.ts';
import {wiresOf} from '../topology/wires.ts';
import {formatPrefix, isLinkLocal, networkOf} from '../util/address.ts';

/** A host's interface, as the node at the other end of its link sees it. */
type Leaf = {
	readonly host: string;
	/** Family and name of every network the interface is in: a subnet on one segment. */
	readonly networks: ReadonlyArray<readonly [family: 4 | 6, name: string]>;
};

/** The network with its hosts apart: they pass nothing on. Both maps are by node. */
type Graph = {
	/** One entry a link or tunnel, so parallel ones count. */
	readonly neighbors: Map<string, string[]>;
	readonly leaves: Map<string, Leaf[]>;
	readonly routers: ReadonlySet<string>;
};

type Part = {readonly nodes: string[]; readonly leaves: Leaf[]; links: number};

/**
Returns a function that gives the parts around a device, as DeviceEntry.partOf has them: one walk over switches and routers for
each device, hosts are looked up at their switch. A host without any way to the device is in no part.

A number is negative when a pair inside the part may cross the device all the same: the part hangs on the device by more than one link;
its hosts are in several networks and a router stands beyond (packets then go out to it and come back by the same link); or it stands for
one host with interfaces in several parts.
*/
export function partsAround(blueprint: Blueprint): (device: string) => ReadonlyMap<string, number> {
	const graph = graphOf(blueprint);
	return device => {
		const parts = partsOf(device, graph);
		const numbers = numbersOf(parts, graph.routers.has(device) ? Infinity : countRouters(parts, graph), graph);
		const partOf = new Map<string, number>();
		for (const [index, {leaves}] of parts.entries()) {
			for (const {host} of leaves) {
				const number = numbers[index] ?? 0;
				const isSplit = ![undefined, number].includes(partOf.get(host));
				partOf.set(host, isSplit ? -parts.length - partOf.size : number);
			}
		}

		return partOf;
	};
}

/** @param routers how many routers the device can reach; infinite when it is one itself */
function numbersOf(parts: readonly Part[], routers: number, graph: Graph): number[] {
	return parts.map((part, index) => {
		const isRouterBeyond = routers > countRouters([part], graph);
		return part.links > 1 || (isRouterBeyond && isMixed(part)) ? -index - 1 : index + 1;
	});
}

function partsOf(device: string, graph: Graph): Part[] {
	const parts: Part[] = (graph.leaves.get(device) ?? []).map(leaf => ({nodes: [], leaves: [leaf], links: 1}));
	const partOf = new Map<string, Part>();
	for (const start of graph.neighbors.get(device) ?? []) {
		const known = partOf.get(start);
		if (known) {
			known.links++;
		} else {
			parts.push(walk(start, device, graph, partOf));
		}
	}

	return parts;
}

/** Collects the part that begins at a neighbor of the device, never stepping on the device. */
function walk(start: string, device: string, graph: Graph, partOf: Map<string, Part>): Part {
	const part: Part = {nodes: [], leaves: [], links: 1};
	const waiting = [start];
	for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
		if (node !== device && !partOf.has(node)) {
			partOf.set(node, part);
			part.nodes.push(node);
			part.leaves.push(...graph.leaves.get(node) ?? []);
			waiting.push(...graph.neighbors.get(node) ?? []);
		}
	}

	return part;
}

/** Whether several hosts are in more than one network of a family, so that a router may have to stand between two of them. */
function isMixed({leaves}: Part): boolean {
	const networks = new Map<4 | 6, string>();
	for (const [family, name] of leaves.length > 1 ? leaves.flatMap(leaf => leaf.networks) : []) {
		if (networks.has(family) && networks.get(family) !== name) {
			return true;
		}

		networks.set(family, name);
	}

	return false;
}

function countRouters(parts: readonly Part[], {routers}: Graph): number {
	return parts.reduce((sum, {nodes}) => sum + nodes.filter(node => routers.has(node)).length, 0);
}

function graphOf(blueprint: Blueprint): Graph {
	const isHost = (name: string): boolean => blueprint.nodes.get(name)?.kind === 'host';
	const names = [...blueprint.nodes.keys()].filter(name => !isHost(name));
	const graph: Graph = {
		neighbors: new Map(names.map(name => [name, []])),
		leaves: new Map(names.map(name => [name, []])),
		routers: new Set(names.filter(name => blueprint.nodes.get(name)?.kind === 'router')),
	};
	const segments = segmentsOf(blueprint);
	const numbers = new Map([...new Set(segments.values())].map((segment, index) => [segment, index]));
	for (const [near, far] of wiresOf(blueprint).flatMap(([a, b]) => [[a, b], [b, a]] as const)) {
		if (isHost(far.node)) {
			graph.leaves.get(near.node)?.push({host: far.node, networks: networksOf(far, numbers.get(segments.get(far) ?? []) ?? -1)});
		} else {
			graph.neighbors.get(near.node)?.push(far.node);
		}
	}

	return graph;
}

function networksOf({addresses}: InterfacePlan, segment: number): Leaf['networks'] {
	return addresses
		.filter(({address}) => !isLinkLocal(address))
		.map(address => [address.address.family, `${segment} ${formatPrefix(networkOf(address))}`]);
}
