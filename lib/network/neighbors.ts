/** Who is whose neighbour: permanent entries for `--arp`, and how large the host's neighbour table must be without them. */
import type {Neighbor} from '../node/configure.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {type Segment, segmentsOf} from '../topology/segments.ts';

/** For each node and interface: every other address of its segment. Grows with the square of a segment's interfaces. */
export function permanentNeighbors(blueprint: Blueprint): Map<string, Map<string, Neighbor[]>> {
	const neighbors = new Map<string, Map<string, Neighbor[]>>();
	for (const segment of distinctSegments(blueprint)) {
		const entries = segment.flatMap(({node, mac, addresses}) => addresses.map(({address}) => ({node, address, mac})));
		for (const {node, name} of segment) {
			const others = entries.filter(entry => entry.node !== node);
			const byInterface = neighbors.get(node) ?? new Map<string, Neighbor[]>();
			neighbors.set(node, byInterface.set(name, others));
		}
	}

	return neighbors;
}

/** Entries the kernel's one neighbour table holds when everyone has talked to everyone in the same segment. */
export function neighborCount(blueprint: Blueprint): number {
	return distinctSegments(blueprint).reduce((total, segment) => total + (segment.length * (segment.length - 1)), 0);
}

function distinctSegments({nodes, links}: Blueprint): Segment[] {
	return [...new Set(segmentsOf(nodes, links).values())];
}
