/** From a topology to its blueprint: decides everything that the file leaves out, predictably and in linear time. */
import {formatPrefix} from '../util/address.ts';
import {Problems} from '../util/problems.ts';
import {assignAddresses} from './addresses.ts';
import type {Blueprint, InterfacePlan, LinkPlan, NodePlan, RoutePlan, TunnelPlan} from './blueprint.ts';
import {draftInterfaces, draftTunnelEnds} from './interfaces.ts';
import {assignMacs} from './macs.ts';
import {inOrder, isReachable, routePlanner} from './routes.ts';
import {planNeighbors, planRules} from './routing.ts';
import {type Segment, segmentsOf} from './segments.ts';
import {type Graph, type NodeSpec, isStation} from './specs.ts';
import {type Network, staticRoutes} from './static-routes.ts';
import type {Topology} from './topology.ts';
import {planTunnels} from './tunnels.ts';

/**
Nothing is thrown for a bad file: what cannot be read goes to `problems` and is left out. `check` finds the rest.

@throws InputError `build` when the topology's `build()` fails
*/
export function blueprint(topology: Topology, problems = new Problems()): Blueprint {
	return assign(topology.describe(), problems);
}

/** The same of a topology that has been described. */
export function assign(described: Graph, problems: Problems): Blueprint {
	const graph = usablePart(described);
	const wires = planWires(graph, problems);
	return {
		name: graph.name,
		settings: graph.settings,
		isolation: graph.settings.isolation ?? 'bound',
		nodes: planNodes(graph, wires, problems),
		links: wires.links,
		tunnels: wires.tunnels,
	};
}

/** Leaves out the second node of a name, links to nowhere or from a node to itself, and tunnels of anything but hosts and routers, each once. */
function usablePart(graph: Graph): Graph {
	const byName = new Map(graph.nodes.toReversed().map(node => [node.name, node]));
	return {
		...graph,
		nodes: graph.nodes.filter(node => byName.get(node.name) === node),
		links: graph.links.filter(({ends: [a, b]}) => a.node !== b.node && [a, b].every(end => end.foreign === undefined && byName.has(end.node))),
		tunnels: graph.tunnels.filter(({ends}) => ends.length > 1 && new Set(ends.map(({node}) => node)).size === ends.length && ends.every(end => {
			const node = byName.get(end.node);
			return end.foreign === undefined && node !== undefined && isStation(node);
		})),
	};
}

type Wires = {readonly interfaces: readonly InterfacePlan[]; readonly links: readonly LinkPlan[]; readonly tunnels: readonly TunnelPlan[]};

/** The interfaces of a node come in the order of the file, those of links first. */
function planWires(graph: Graph, problems: Problems): Wires {
	const planned = planInterfaces(graph, problems);
	const ofLinks = planned.slice(0, 2 * graph.links.length);
	const tunnels = planTunnels(graph.tunnels, planned.slice(ofLinks.length), byNode(graph, ofLinks), problems);
	return {
		interfaces: [...ofLinks, ...tunnels.flatMap(({ends}) => ends.map(end => end.interface))],
		links: planLinks(graph, ofLinks),
		tunnels,
	};
}

function byNode({nodes}: Graph, interfaces: readonly InterfacePlan[]): Map<string, InterfacePlan[]> {
	const own = new Map(nodes.map(node => [node.name, [] as InterfacePlan[]]));
	for (const each of interfaces) {
		own.get(each.node)?.push(each);
	}

	return own;
}

function planInterfaces(graph: Graph, problems: Problems): InterfacePlan[] {
	const drafts = [...draftInterfaces(graph), ...draftTunnelEnds(graph)];
	const addresses = assignAddresses(graph, drafts, problems);
	const macs = assignMacs(drafts, addresses, problems);
	return drafts.map(draft => draft.assigned ?? ({
		node: draft.node.name,
		name: draft.name,
		...(draft.port === undefined ? {} : {port: draft.port}),
		mac: macs.get(draft) ?? '',
		addresses: addresses.get(draft) ?? [],
		mtu: draft.mtu,
		...(draft.shaping === undefined ? {} : {shaping: draft.shaping}),
		...(draft.tunnel === undefined ? {} : {tunnel: draft.tunnel}),
		...(draft.options.sysctls === undefined ? {} : {sysctls: draft.options.sysctls}),
	}));
}

/** Each link has two interfaces, one after the other. */
function planLinks({links}: Graph, interfaces: readonly InterfacePlan[]): LinkPlan[] {
	return links.flatMap(({options}, index) => {
		const [end, other] = interfaces.slice(2 * index, (2 * index) + 2);
		return end && other ? [{ends: [end, other] as const, ...options.stateSync === true ? {stateSync: true} : {}}] : [];
	});
}

function planNodes(graph: Graph, {interfaces, links, tunnels}: Wires, problems: Problems): Map<string, NodePlan> {
	const specs = new Map(graph.nodes.map(node => [node.name, node]));
	const own = byNode(graph, interfaces);
	const segments = segmentsOf({nodes: specs, links, tunnels});
	const routesOf = routePlanner({kinds: specs, segments}, problems);
	const speaksIpv6 = ipv6Speakers(graph, interfaces, segments);
	const isSame = sameAround(graph, interfaces, segments);
	const nodes = new Map<string, NodePlan>(graph.nodes.map(node => {
		const mine = own.get(node.name) ?? [];
		const before = graph.assigned?.get(node.name);
		if (before && isSame(before, mine)) {
			return [node.name, before];
		}

		return [node.name, {...node, interfaces: mine, routes: withoutLost(routesOf(node, mine), mine, before), rules: planRules(node, problems), neighbors: planNeighbors(node, mine, segments, problems), ipv6: speaksIpv6(node, mine)}];
	}));
	return graph.settings.routing === 'static' ? withStaticRoutes({nodes, segments, tunnels}) : nodes;
}

/** A given route of a node that is there waits for the link by which it led. */
function withoutLost(routes: readonly RoutePlan[], interfaces: readonly InterfacePlan[], before: NodePlan | undefined): readonly RoutePlan[] {
	const ways = new Set(before?.routes.map(({to}) => formatPrefix(to)));
	return before ? routes.filter(route => ways.has(formatPrefix(route.to)) || isReachable(route, interfaces)) : routes;
}

function withStaticRoutes(network: Network): Map<string, NodePlan> {
	const added = staticRoutes(network);
	return new Map([...network.nodes].map(([name, node]) => [name, {...node, routes: inOrder([...node.routes, ...added.get(name) ?? []])}]));
}

/** Whether a node that is there already has no new interface, nor hears of one: all that is planned of it follows from those. */
function sameAround({assigned = new Map(), settings}: Graph, interfaces: readonly InterfacePlan[], segments: ReadonlyMap<InterfacePlan, Segment>): (before: NodePlan, mine: readonly InterfacePlan[]) => boolean {
	const old = new Set([...assigned.values()].flatMap(node => node.interfaces));
	const changed = new Set(interfaces.filter(each => !old.has(each)).map(each => segments.get(each)));
	return (before, mine) => settings.routing !== 'static' && mine.length === before.interfaces.length && mine.every(each => old.has(each) && !(segments.has(each) && changed.has(segments.get(each))));
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
