/** By which interfaces of a node packets of another one can come in, whatever way they take (RFC 3704, section 2.3: feasible paths). Pure. */
import type {Blueprint, InterfacePlan, TunnelPlan} from './blueprint.ts';
import {Excursion} from './excursion.ts';
import {type Segment, segmentsOf} from './segments.ts';

export type Approaches = (node: string, from: string) => ReadonlySet<InterfacePlan>;

/**
Ways may lead over every node that has two interfaces or more, whether it forwards at the moment or not: a route and a setting are soon made.

@returns by tunnel whose own packets these are: none of them comes out of it. Each search is as large as the network, and forgotten with the tunnel's answer
*/
export function approachesIn(blueprint: Blueprint): (through: TunnelPlan) => Approaches {
	const {nodes} = blueprint;
	const segments = crossingsIn(blueprint);
	return through => {
		const own = new Set(through.ends.map(end => end.interface));
		const around = (node: string) => nodes.get(node)?.interfaces.filter(each => !own.has(each)).flatMap(each => [segments.get(each) ?? []]) ?? [];
		const known = new Map<string, Excursion<string | Segment>>();
		return (node, from) => {
			const excursion = known.get(from) ?? new Excursion<string | Segment>(from, place => typeof place === 'string' ? around(place) : place.map(each => each.node));
			known.set(from, excursion);
			return new Set(nodes.get(node)?.interfaces.filter(each => {
				const segment = segments.get(each);
				return segment !== undefined && excursion.avoids(node, segment);
			}));
		};
	};
}

/** Of the segment of each interface those members that can lead on, or end a tunnel: a LAN has many hosts that lead nowhere. */
export function crossingsIn(blueprint: Blueprint): Map<InterfacePlan, Segment> {
	const ends = new Set(blueprint.tunnels.flatMap(tunnel => tunnel.ends.map(end => end.interface.node)));
	const crossings = new Map<Segment, Segment>();
	return new Map(Array.from(segmentsOf(blueprint), ([plan, segment]) => {
		const known = crossings.get(segment) ?? segment.filter(({node}) => ends.has(node) || (blueprint.nodes.get(node)?.interfaces.length ?? 0) > 1);
		crossings.set(segment, known);
		return [plan, known];
	}));
}
