/** By which interfaces of a node packets of another one can come in, whatever way they take (RFC 3704, section 2.3: feasible paths). Pure. */
import type {Blueprint, InterfacePlan, TunnelPlan} from './blueprint.ts';
import {type Segment, segmentsOf} from './segments.ts';

/** @param through a tunnel whose own packets these are: none of them comes out of it */
export type Approaches = (node: string, from: string, through: TunnelPlan) => ReadonlySet<InterfacePlan>;

/** Ways may lead over every node that has two interfaces or more, whether it forwards at the moment or not: a route and a setting are soon made. */
export function approachesIn(blueprint: Blueprint): Approaches {
	const {nodes} = blueprint;
	const segments = segmentsOf(blueprint);
	const crossings = new Map<Segment, Segment>();
	// A LAN has many hosts that lead nowhere.
	const crossingsOf = (segment: Segment, ends: ReadonlySet<string>) => {
		const known = crossings.get(segment) ?? segment.filter(({node}) => (nodes.get(node)?.interfaces.length ?? 0) > 1 || ends.has(node));
		crossings.set(segment, known);
		return known;
	};

	const ends = new Set(blueprint.tunnels.flatMap(tunnel => tunnel.ends.map(end => end.interface.node)));
	return (node, from, through) => {
		const found = new Set<InterfacePlan>();
		const ways = [from];
		const seen = new Set(ways);
		for (let here = ways.shift(); here !== undefined; here = ways.shift()) {
			for (const out of nodes.get(here)?.interfaces.filter(each => !through.ends.some(end => end.interface === each)) ?? []) {
				for (const next of crossingsOf(segments.get(out) ?? [], ends)) {
					if (next.node === node) {
						found.add(next);
					} else if (!seen.has(next.node)) {
						seen.add(next.node);
						ways.push(next.node);
					}
				}
			}
		}

		return found;
	};
}
