/** Segments: which interfaces of hosts and routers hear each other's broadcasts. */
import type {InterfacePlan, LinkPlan, TunnelPlan} from './blueprint.ts';
import {DisjointSets} from './disjoint-sets.ts';
import {type NodeKind, isStation} from './specs.ts';

/** The interfaces of hosts and routers on one wire or tunnel, or around the same switches and bridges. */
export type Segment = readonly InterfacePlan[];

/** What joins nodes; a blueprint is that too. */
export type Graph = {
	readonly nodes: ReadonlyMap<string, {readonly kind: NodeKind}>;
	readonly links: readonly LinkPlan[];
	readonly tunnels: readonly TunnelPlan[];
};

/** The segment of every interface of a host or router. */
export function segmentsOf({nodes, links, tunnels}: Graph): Map<InterfacePlan, Segment> {
	const switches = joinSwitches(nodes, links);
	const members = new Map<unknown, InterfacePlan[]>();
	const segments = new Map<InterfacePlan, Segment>();
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

function joinSwitches(nodes: ReadonlyMap<string, {readonly kind: NodeKind}>, links: readonly LinkPlan[]): DisjointSets {
	const switches = new DisjointSets();
	for (const {ends: [a, b]} of links) {
		if (!isStationName(nodes, a.node) && !isStationName(nodes, b.node)) {
			switches.join(a.node, b.node);
		}
	}

	return switches;
}

function isStationName(nodes: ReadonlyMap<string, {readonly kind: NodeKind}>, name: string): boolean {
	const node = nodes.get(name);
	return node !== undefined && isStation(node);
}
