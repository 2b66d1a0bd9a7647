/** Segments: which interfaces of hosts and routers hear each other's broadcasts. */
import type {InterfacePlan} from './blueprint.ts';
import {DisjointSets} from './disjoint-sets.ts';
import {type NodeKind, isStation} from './specs.ts';

/** The interfaces of hosts and routers on one wire or tunnel, or around the same switches and bridges. */
export type Segment<End = InterfacePlan> = readonly End[];

/** What joins nodes; a blueprint is that too. */
export type Graph<End = InterfacePlan> = {
	readonly nodes: ReadonlyMap<string, {readonly kind: NodeKind}>;
	readonly links: ReadonlyArray<{readonly ends: readonly [End, End]}>;
	readonly tunnels: ReadonlyArray<{readonly ends: ReadonlyArray<{readonly interface: End}>}>;
};

/** The segment of every interface of a host or router. */
export function segmentsOf<End extends {readonly node: string}>({nodes, links, tunnels}: Graph<End>): Map<End, Segment<End>> {
	const switches = joinSwitches(nodes, links);
	const members = new Map<unknown, End[]>();
	const segments = new Map<End, Segment<End>>();
	for (const link of links) {
		const stations = link.ends.filter(end => isStationName(nodes, end.node));
		const port = link.ends.find(end => !isStationName(nodes, end.node));
		const medium = port ? switches.find(port.node) : link;
		const segment = members.get(medium) ?? [];
		members.set(medium, segment);
		for (const end of stations) {
			segment.push(end);
			segments.set(end, segment);
		}
	}

	for (const {ends} of tunnels) {
		const segment = ends.map(end => end.interface);
		for (const end of segment) {
			segments.set(end, segment);
		}
	}

	return segments;
}

function joinSwitches(nodes: Graph['nodes'], links: Graph<{readonly node: string}>['links']): DisjointSets {
	const switches = new DisjointSets();
	for (const {ends: [a, b]} of links) {
		if (!isStationName(nodes, a.node) && !isStationName(nodes, b.node)) {
			switches.join(a.node, b.node);
		}
	}

	return switches;
}

function isStationName(nodes: Graph['nodes'], name: string): boolean {
	const node = nodes.get(name);
	return node !== undefined && isStation(node);
}
