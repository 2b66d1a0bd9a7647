/** Static routes of hosts and routers, default gateways included: those of the file are read, a host's gateway that it leaves out is found. */
import {
	type Address, type Family, type Prefix, contains, formatPrefix, networkOf, sameAddress, tryParseAddress,
} from '../util/address.ts';
import {printable} from '../util/names.ts';
import type {Problems} from '../util/problems.ts';
import {texts} from './addresses.ts';
import type {InterfacePlan, NextHopPlan, RoutePlan} from './blueprint.ts';
import {everything, readRoute, routeForm, withoutGaps} from './route-text.ts';
import type {Segment} from './segments.ts';
import type {HostOptions, NodeKind, NodeSpec, RouteOptions} from './specs.ts';

/** What the search for gateways knows of the network around a host. */
export type Surroundings = {
	readonly kinds: ReadonlyMap<string, {readonly kind: NodeKind}>;
	readonly segments: ReadonlyMap<InterfacePlan, Segment>;
};

export type RoutePlanner = (node: NodeSpec, interfaces: readonly InterfacePlan[]) => RoutePlan[];

/** The planner keeps what it found out about a segment, so that a thousand hosts behind one router cost one look. */
export function routePlanner({kinds, segments}: Surroundings, problems: Problems): RoutePlanner {
	const routersOf = routerFinder(kinds, segments);
	return (node, interfaces) => {
		if (node.kind !== 'host' && node.kind !== 'router') {
			return [];
		}

		const routes = usableRoutes(node.name, node.options.routes ?? [], problems);
		const gateways = node.kind === 'host' ? hostGateways(node.name, node.options, routes, () => [...new Set(interfaces.flatMap(routersOf))], problems) : [];
		return inOrder([...routes, ...gateways]);
	};
}

function hostGateways(host: string, {gateway}: HostOptions, routes: readonly RoutePlan[], routers: () => readonly Address[], problems: Problems): RoutePlan[] {
	if (gateway === 'none') {
		return [];
	}

	const given = texts(gateway).flatMap(text => readGateway(host, text, problems) ?? []);
	const decided = [...given, ...routes.filter(isDefault).map(route => route.to)];
	const found = routers().filter(({family}) => !decided.some(other => other.family === family));
	return [...given, ...onlyOnes(found)].map(via => ({to: everything(via.family), via}));
}

function readGateway(host: string, text: string, problems: Problems): Address | undefined {
	const address = tryParseAddress(text);
	if (!address) {
		problems.add(host, `its gateway "${printable(text)}" is no address`, 'Write it like 10.0.0.254, without a length, or \'none\'');
	}

	return address;
}

/** Those without a next hop first. */
export function inOrder(routes: readonly RoutePlan[]): RoutePlan[] {
	return routes.toSorted((a, b) => Number(restsOnOthers(a)) - Number(restsOnOthers(b)));
}

/** A next hop's address must be reached before the route can be. */
function restsOnOthers(route: RoutePlan): boolean {
	return nextHopsOf(route).some(({via}) => via !== undefined);
}

/** Where two routers offer themselves, neither is chosen. */
function onlyOnes(addresses: readonly Address[]): Address[] {
	return addresses.filter(({family}) => addresses.filter(other => other.family === family).length === 1);
}

/** Finds the addresses of routers in the subnets of an interface. */
function routerFinder(kinds: Surroundings['kinds'], segments: Surroundings['segments']): (from: InterfacePlan) => readonly Address[] {
	const known = new Map<Segment, Map<string, readonly Address[]>>();
	return from => {
		const segment = segments.get(from) ?? [];
		const bySubnet = known.get(segment) ?? new Map<string, readonly Address[]>();
		known.set(segment, bySubnet);
		return from.addresses.map(networkOf).flatMap(subnet => {
			const key = formatPrefix(subnet);
			const routers = bySubnet.get(key) ?? routersIn(segment, subnet, kinds);
			bySubnet.set(key, routers);
			return routers;
		});
	};
}

function routersIn(segment: Segment, subnet: Prefix, kinds: Surroundings['kinds']): Address[] {
	return segment
		.filter(({node}) => kinds.get(node)?.kind === 'router')
		.flatMap(({addresses}) => addresses.find(({address}) => contains(subnet, address))?.address ?? []);
}

/** What cannot be read is told, and left out. */
function usableRoutes(node: string, given: readonly RouteOptions[], problems: Problems): RoutePlan[] {
	return given.flatMap(options => {
		const route = readRoute(options);
		if (typeof route === 'string') {
			problems.add(node, `its route to "${printable(options.to)}" ${route}`, routeForm);
			return [];
		}

		return [route];
	});
}

/** A route for whatever has no other one, in the table of everyday. */
export function isDefault({to, table}: RoutePlan): boolean {
	return to.length === 0 && table === undefined;
}

/** The next hops of a route: one, several, or none. */
export function nextHopsOf({via, interface: name, onlink, nextHops, type}: RoutePlan): readonly NextHopPlan[] {
	return nextHops ?? (type === undefined ? [withoutGaps<NextHopPlan>({via, interface: name, onlink, weight: undefined})] : []);
}

/** Whether a route can be left to these interfaces: the kernel takes one away as a whole when an interface goes that it, or a part of it, leaves by. */
export function isReachable(route: RoutePlan, interfaces: readonly InterfacePlan[]): boolean {
	const {source} = route;
	const hasSource = source === undefined || interfaces.some(({addresses}) => addresses.some(own => sameAddress(own.address, source)));
	return hasSource && nextHopsOf(route).every(({via, interface: name}) => name === undefined
		? via === undefined || interfaces.some(({addresses}) => addresses.some(own => contains(networkOf(own), via)))
		: interfaces.some(each => each.name === name));
}

/** Whether a node passes packets of the family on. */
export function forwards(node: NodeSpec, family: Family): boolean {
	return node.kind === 'router' && (family === 4 ? node.options.forwarding : node.options.forwarding6 ?? node.options.forwarding) !== false;
}

/** Whether a router answers the neighbours that ask for others' addresses of the family. */
export function answersForOthers(node: NodeSpec, family: Family): boolean {
	return node.kind === 'router' && (family === 4 ? node.options.proxyArp : node.options.proxyNdp) === true;
}
