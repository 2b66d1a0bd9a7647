/** A blueprint that grows: what is assigned stays as it is, what comes is assigned and checked as if it stood at the end of the topology file. */
import {formatAddress, formatInterfaceAddress, formatPrefix} from '../util/address.ts';
import {unknownName} from '../util/names.ts';
import {type Problem, Problems} from '../util/problems.ts';
import type {Blueprint, InterfacePlan, LinkPlan, NodePlan, RoutePlan, TunnelPlan} from './blueprint.ts';
import {examine} from './check.ts';
import type {RoutingOf} from './paths.ts';
import {isReachable} from './routes.ts';
import type {RoutingPlan} from './routing-plan.ts';
import {type EndSpec, type Graph, type InterfaceOptions, type LinkOptions, type LinkSpec, type NodeSpec, type TunnelOptions, type TunnelSpec, isStation} from './specs.ts';

/** Nodes, links and tunnels that come together; a link or tunnel may lead to a node that is there or to one that comes. */
export type Addition = {
	readonly nodes?: readonly NodeSpec[];
	readonly links?: readonly LinkSpec[];
	readonly tunnels?: readonly TunnelSpec[];
};

/** An end of a link or tunnel to be. @param end the name of a node, or an end that says more */
export function endSpec(end: string | EndSpec): EndSpec {
	return typeof end === 'string' ? {node: end, options: {}} : end;
}

/** A link to be. @param a the name of a node, or an end that says more */
export function linkSpec(a: string | EndSpec, b: string | EndSpec, options: LinkOptions = {}): LinkSpec {
	return {ends: [endSpec(a), endSpec(b)], options};
}

/**
What a network becomes by an addition. What stays as it was is the very same object.

@param routing how the nodes route at the moment, where that is not as the blueprint has it: what carries a tunnel may have come live
@throws InputError `unknown-node` for an end that is nowhere; ProblemsError with every problem that the addition makes
*/
export function grown(current: Blueprint, {nodes = [], links = [], tunnels = []}: Addition, routing?: RoutingOf): Blueprint {
	const known = new Set([...current.nodes.keys(), ...nodes.map(({name}) => name)]);
	const ends = [...links, ...tunnels].flatMap(wire => wire.ends);
	for (const {node} of ends) {
		if (!known.has(node)) {
			throw unknownName('node', node, known);
		}
	}

	const standing = {blueprint: current, routing: routing && remembered(routing)};
	const graph = graphOf(current, links);
	const touched = new Set([...nodes.map(({name}) => name), ...ends.map(({node}) => node)]);
	const {plan, problems} = examine({
		...graph,
		nodes: [...graph.nodes, ...nodes],
		links: [...graph.links, ...withNames(current, links)],
		tunnels: [...graph.tunnels, ...tunnels],
	}, {touched, standing});
	refuseProblems(problems.list.length === 0 ? [] : newProblems(problems.list, examine(graph, {standing}).problems.list));
	return keeping(current, plan);
}

/** A kernel is asked once about each plan of its node, however many networks are looked at. */
function remembered(routing: RoutingOf): RoutingOf {
	const known = new Map<NodePlan, RoutingPlan>();
	return plan => {
		const found = known.get(plan) ?? routing(plan);
		known.set(plan, found);
		return found;
	};
}

/** The blueprint as a topology file would have to say it for all to be assigned as it is. Shaping is left out: nothing depends on it. */
function graphOf({name, settings, nodes, links, tunnels}: Blueprint, coming: readonly LinkSpec[]): Graph {
	const linked = new Map(coming.toReversed().flatMap(({ends}) => ends.toReversed()).map(end => [end.node, end.options]));
	return {
		name,
		settings,
		nodes: [...nodes.values()].map(node => specOf(node, linked.get(node.name))),
		links: links.map(linkOf),
		tunnels: tunnels.map(tunnelOf),
		assigned: nodes,
	};
}

/** What a host says of its first interface, that says itself, once it is there; and what it kept from its last one, the next one may say anew. */
function specOf(node: NodePlan, coming: InterfaceOptions = {}): NodeSpec {
	if (node.kind !== 'host') {
		return node;
	}

	const {ip, mac, ...options} = node.options;
	const isLinked = node.interfaces.length > 0;
	const own = {...isLinked || ip === undefined || coming.ip !== undefined ? {} : {ip}, ...isLinked || mac === undefined || coming.mac !== undefined ? {} : {mac}};
	return {kind: 'host', name: node.name, options: {...options, ...own}};
}

/** Asked for at every addition, of everything that is there. */
const specs = {links: new WeakMap<LinkPlan, LinkSpec>(), ends: new WeakMap<InterfacePlan, EndSpec>()} as const;

/** A link as a topology file would have to say it for all of it to be assigned as it is. */
export function linkOf(link: LinkPlan): LinkSpec {
	const {ends: [a, b], stateSync} = link;
	const known = specs.links.get(link) ?? {ends: [endOf(a), endOf(b)], options: stateSync === true ? {stateSync} : {}};
	specs.links.set(link, known);
	return known;
}

function endOf(plan: InterfacePlan): EndSpec {
	const known = specs.ends.get(plan) ?? {node: plan.node, options: {name: plan.name, ...plan.port === undefined ? {} : {port: plan.port}}, assigned: plan};
	specs.ends.set(plan, known);
	return known;
}

function tunnelOf(tunnel: TunnelPlan): TunnelSpec {
	return {
		ends: tunnel.ends.map(({interface: plan, endpoint}) => {
			const end = endOf(plan);
			return {...end, options: {...end.options, mtu: plan.mtu, endpoint: formatAddress(endpoint)}};
		}),
		options: optionsOf(tunnel),
	};
}

function optionsOf(tunnel: TunnelPlan): TunnelOptions {
	switch (tunnel.via) {
		case 'gre': {
			const {via, mode, key, ttl} = tunnel;
			return {via, mode, ttl, ...key === undefined ? {} : {key}};
		}

		case 'vxlan': {
			const {via, vni, ttl, port} = tunnel;
			return {via, vni, ttl, port};
		}

		case 'ssh': {
			const {via, mode, keepAlive} = tunnel;
			return {via, mode, keepAlive};
		}
	}
}

/** New interfaces of hosts and routers get the lowest number that no other has: after a removal they cannot be counted any more. */
function withNames(current: Blueprint, links: readonly LinkSpec[]): LinkSpec[] {
	const taken = new Map<string, Set<string>>();
	const named = (end: EndSpec): EndSpec => {
		const node = current.nodes.get(end.node);
		if (!node || !isStation(node) || node.interfaces.length === 0) {
			return end;
		}

		const names = taken.get(end.node) ?? new Set(node.interfaces.map(({name}) => name));
		const name = end.options.name ?? freeName(end.node, names);
		taken.set(end.node, names.add(name));
		return {...end, options: {...end.options, name}};
	};

	return links.map(({ends: [a, b], options}) => ({ends: [named(a), named(b)], options}));
}

function freeName(node: string, taken: ReadonlySet<string>): string {
	let number = 0;
	while (taken.has(`${node}-eth${number}`)) {
		number++;
	}

	return `${node}-eth${number}`;
}

/** What removals have left wrong, such as a gateway that is gone, is in the way of nothing that comes: what comes may mend it. */
function newProblems(all: readonly Problem[], before: readonly Problem[]): Problem[] {
	const keyOf = ({subject, message}: Problem) => `${subject}\n${message}`;
	const known = new Set(before.map(keyOf));
	return all.filter(problem => !known.has(keyOf(problem)));
}

function refuseProblems(list: readonly Problem[]): void {
	const problems = new Problems();
	problems.list.push(...list);
	problems.throwIfAny(`Nothing has been added, because of ${list.length === 1 ? 'a problem' : `${list.length} problems`}:`);
}

/** The plan with all that was there before in its old state, as the same objects; routes that have become known are added, but not one whose interface is gone. */
function keeping(current: Blueprint, plan: Blueprint): Blueprint {
	return {
		...current,
		nodes: new Map([...plan.nodes].map(([name, node]) => {
			const before = current.nodes.get(name);
			return [name, before && before !== node ? keepingNode(before, node) : node];
		})),
		links: [...current.links, ...plan.links.slice(current.links.length)],
		tunnels: [...current.tunnels, ...plan.tunnels.slice(current.tunnels.length)],
	};
}

function keepingNode(before: NodePlan, after: NodePlan): NodePlan {
	const {interfaces, routes, ipv6} = after;
	const names = new Set(before.interfaces.map(({name}) => name));
	const ways = new Set(before.routes.map(wayOf));
	const [added, found] = [interfaces.filter(({name}) => !names.has(name)), routes.filter(route => !ways.has(wayOf(route)) && isReachable(route, interfaces))];
	if (added.length === 0 && found.length === 0 && (before.ipv6 || !ipv6)) {
		return before;
	}

	return {...renewingAddresses(before, after), interfaces: [...before.interfaces, ...added], routes: inOrder([...before.routes, ...found]), ipv6: ipv6 || before.ipv6};
}

/** A host without a link that gets one which says an address or a MAC has given up the one that it kept: `specOf` did not say that any more. */
function renewingAddresses(before: NodePlan, {kind, options, interfaces: [first]}: NodePlan): NodePlan {
	if (before.kind !== 'host' || kind !== 'host' || before.interfaces.length > 0 || !first) {
		return before;
	}

	const ip = before.options.ip !== undefined && options.ip === undefined ? {ip: first.addresses.map(formatInterfaceAddress)} : {};
	const mac = before.options.mac !== undefined && options.mac === undefined ? {mac: first.mac} : {};
	return {...before, options: {...before.options, ...ip, ...mac}};
}

/** Of two routes of one destination the one that was there first stays. */
function wayOf({to}: RoutePlan): string {
	return formatPrefix(to);
}

/** Those without a next hop first, as in a blueprint that is new. */
function inOrder(routes: readonly RoutePlan[]): RoutePlan[] {
	return routes.toSorted((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined));
}
