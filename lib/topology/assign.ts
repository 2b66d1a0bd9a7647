/** From a topology to its blueprint: decides everything that the file leaves out, predictably and in linear time. */
import {Problems} from '../util/problems.ts';
import {assignAddresses} from './addresses.ts';
import type {Blueprint, InterfacePlan, LinkPlan, NodePlan} from './blueprint.ts';
import {draftInterfaces} from './interfaces.ts';
import {assignMacs} from './macs.ts';
import {routePlanner} from './routes.ts';
import {type Segment, segmentsOf} from './segments.ts';
import type {Graph, NodeSpec} from './specs.ts';
import type {Topology} from './topology.ts';

/**
Nothing is thrown for a bad file: what cannot be read goes to `problems` and is left out. `check` finds the rest.

@throws InputError `build` when the topology's `build()` fails
*/
export function blueprint(topology: Topology, problems = new Problems()): Blueprint {
	const graph = usablePart(topology.describe());
	const interfaces = planInterfaces(graph, problems);
	const links = planLinks(graph, interfaces);
	return {
		name: graph.name,
		isolation: graph.settings.isolation ?? 'bound',
		nodes: planNodes(graph, interfaces, links, problems),
		links,
	};
}

/** Leaves out the second node of a name, and links to nowhere or from a node to itself. */
function usablePart(graph: Graph): Graph {
	const byName = new Map(graph.nodes.toReversed().map(node => [node.name, node]));
	return {
		...graph,
		nodes: graph.nodes.filter(node => byName.get(node.name) === node),
		links: graph.links.filter(({ends: [a, b]}) => a.node !== b.node && [a, b].every(end => end.foreign === undefined && byName.has(end.node))),
	};
}

function planInterfaces(graph: Graph, problems: Problems): InterfacePlan[] {
	const drafts = draftInterfaces(graph);
	const addresses = assignAddresses(graph, drafts, problems);
	const macs = assignMacs(drafts, addresses, problems);
	return drafts.map(draft => ({
		node: draft.node.name,
		name: draft.name,
		...(draft.port === undefined ? {} : {port: draft.port}),
		mac: macs.get(draft) ?? '',
		addresses: addresses.get(draft) ?? [],
		mtu: draft.mtu,
		...(draft.shaping === undefined ? {} : {shaping: draft.shaping}),
	}));
}

/** Each link has two interfaces, one after the other. */
function planLinks({links}: Graph, interfaces: readonly InterfacePlan[]): LinkPlan[] {
	return links.flatMap(({options}, index) => {
		const [end, other] = interfaces.slice(2 * index);
		return end && other ? [{ends: [end, other] as const, ...options.stateSync === true ? {stateSync: true} : {}}] : [];
	});
}

function planNodes(graph: Graph, interfaces: readonly InterfacePlan[], links: readonly LinkPlan[], problems: Problems): Map<string, NodePlan> {
	const specs = new Map(graph.nodes.map(node => [node.name, node]));
	const own = new Map(graph.nodes.map(node => [node.name, [] as InterfacePlan[]]));
	for (const each of interfaces) {
		own.get(each.node)?.push(each);
	}

	const segments = segmentsOf(specs, links);
	const routesOf = routePlanner({kinds: specs, segments}, problems);
	const speaksIpv6 = ipv6Speakers(graph, interfaces, segments);
	return new Map(graph.nodes.map(node => {
		const mine = own.get(node.name) ?? [];
		return [node.name, {...node, interfaces: mine, routes: routesOf(node, mine), ipv6: speaksIpv6(node, mine)}];
	}));
}

/** A router speaks IPv6 as soon as a neighbour does; a switch has no addresses and never needs to. */
function ipv6Speakers({settings}: Graph, all: readonly InterfacePlan[], segments: ReadonlyMap<InterfacePlan, Segment>): (node: NodeSpec, interfaces: readonly InterfacePlan[]) => boolean {
	const hasIpv6 = ({addresses}: InterfacePlan): boolean => addresses.some(({address}) => address.family === 6);
	const ipv6Segments = new Set(all.filter(hasIpv6).map(each => segments.get(each)));
	return ({kind}, interfaces) => {
		switch (kind) {
			case 'host': {
				return settings.ipv6 === true || interfaces.some(hasIpv6);
			}

			case 'router': {
				return settings.ipv6 === true || interfaces.some(each => ipv6Segments.has(segments.get(each)));
			}

			case 'switch':
			case 'bridge': {
				return false;
			}
		}
	};
}
