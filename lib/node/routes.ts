/** Routes of a running node, as options write them, in and out of the kernel. */
import {type InstalledRoute, type NextHop, type Route, addRoute, deleteRoute, listRoutes, mainTable, routeProtocols} from '../kernel/route.ts';
import {Rtnetlink, RtnetlinkError} from '../kernel/rtnetlink.ts';
import type {NextHopPlan, RoutePlan} from '../topology/blueprint.ts';
import {defaultMetric, parseRoute, routeOptions, withoutGaps} from '../topology/route-text.ts';
import type {RouteOptions} from '../topology/routing-options.ts';
import {isLinkLocal, sameAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Configurable} from './configurable.ts';
import {indexOf, nameOf, requireStation} from './names.ts';
import {nextHopError} from './next-hop.ts';

/** A route as the kernel has it; it can be given back as it is. */
export type NodeRoute = RouteOptions & {
	/** Who installed it: `kernel` with an address, `static` a topology or a line of ours, `boot` a program such as ip, `bgp`, or a number. */
	readonly protocol: string;
};

export type RouteListOptions = {
	/** Default: the main one. */
	readonly table?: number | 'all' | undefined;
};

const protocolNames = new Map<number, string>(Object.entries(routeProtocols).map(([name, number]) => [number, name]));

/** Both families, in the kernel's order, without what every interface has of its own (fe80::/64). @throws KernelError */
export function nodeRoutes(node: Configurable, {table}: RouteListOptions = {}): NodeRoute[] {
	requireStation(node);
	return listRoutes(node.namespace, {table})
		.filter(({to, protocol}) => !(protocol === routeProtocols.kernel && isLinkLocal(to)))
		.map(route => ({...routeOptions(routePlan(node, route)), protocol: protocolNames.get(route.protocol) ?? String(route.protocol)}));
}

/**
Returns what was added.

@throws InputError `route`, `unknown-interface`, `route-exists`; NextHopError; KernelError with the kernel's reason
*/
export function addNodeRoute(node: Configurable, options: RouteOptions): RoutePlan {
	requireStation(node);
	const plan = parseRoute(options);
	using rtnetlink = new Rtnetlink(node.namespace);
	addRoute(rtnetlink, kernelRoute(node, plan));
	try {
		rtnetlink.flush();
	} catch (error) {
		if (error instanceof RtnetlinkError && error.errno === 'EEXIST') {
			throw new InputError('route-exists', `${node.plan.name} has a route to ${options.to} already: ${placesOf(node, plan)}. Delete it first, or give the new one another metric.`);
		}

		throw error instanceof RtnetlinkError ? nextHopError(node.plan.name, nodeRoutes(node), plan, error) ?? error : error;
	}

	return plan;
}

/**
What the options leave out may be anything, but they must mean one route. Returns what is gone; undefined when there is none such.

@throws InputError `route`, `unknown-interface`, `ambiguous-route`; KernelError
*/
export function deleteNodeRoute(node: Configurable, options: RouteOptions): RoutePlan | undefined {
	requireStation(node);
	const wanted = parsePattern(options);
	const found = theOne(node, wanted, listRoutes(node.namespace, {table: wanted.table ?? mainTable}));
	if (!found) {
		return undefined;
	}

	using rtnetlink = new Rtnetlink(node.namespace);
	deleteRoute(rtnetlink, found);
	rtnetlink.flush();
	return routePlan(node, found);
}

/** Its own routes, for a message. */
export function routeWords(node: Configurable): string {
	return nodeRoutes(node).map(({to}) => to).join(', ') || 'none';
}

/** A route that is to be deleted need not say where it leads. */
export function parsePattern(options: RouteOptions): RoutePlan {
	const {via, interface: name, nextHops, type} = options;
	if (via ?? name ?? nextHops ?? type) {
		return parseRoute(options);
	}

	const {to, table} = parseRoute({...options, type: 'blackhole'});
	return {to, ...table === undefined ? {} : {table}, ...options.metric === undefined ? {} : {metric: options.metric}};
}

function theOne(node: Configurable, wanted: RoutePlan, routes: readonly InstalledRoute[]): InstalledRoute | undefined {
	const fitting = routes.filter(route => fits(routePlan(node, route), wanted));
	const usual = fitting.filter(({to, metric}) => (metric ?? defaultMetric(to)) === defaultMetric(to));
	const [only, ...others] = fitting.length > 1 && usual.length === 1 ? usual : fitting;
	if (others.length > 0) {
		const {to} = routeOptions(wanted);
		throw new InputError('ambiguous-route', `${node.plan.name} has ${others.length + 1} routes to ${to}: ${placesOf(node, wanted)}. Say which one, by its next hop or its metric.`, {expected: ['via', 'dev', 'metric']});
	}

	return only;
}

/** Whether a route is of the wanted prefix and table, and has whatever else is wanted. */
export function fits(route: RoutePlan, wanted: RoutePlan): boolean {
	return sameAddress(route.to, wanted.to) && route.to.length === wanted.to.length
		&& (route.table ?? mainTable) === (wanted.table ?? mainTable)
		&& (wanted.metric === undefined || (route.metric ?? defaultMetric(route.to)) === wanted.metric)
		&& (wanted.type === undefined || route.type === wanted.type)
		&& hasHop(route, wanted)
		&& (wanted.nextHops?.length ?? 0) <= (route.nextHops?.length ?? 0)
		&& (wanted.nextHops?.every((hop, index) => hasHop(route.nextHops?.[index] ?? {}, hop)) ?? true);
}

/** Whether a route is the planned one, whose interface may go without saying; its metric may not. */
export function isPlanned(route: RoutePlan, planned: RoutePlan): boolean {
	return fits(route, {...planned, metric: planned.metric ?? defaultMetric(planned.to)});
}

function hasHop({via, interface: name}: NextHopPlan, wanted: NextHopPlan): boolean {
	return (wanted.via === undefined || (via !== undefined && sameAddress(via, wanted.via))) && (wanted.interface === undefined || name === wanted.interface);
}

function placesOf(node: Configurable, {to, table}: RoutePlan): string {
	return listRoutes(node.namespace, {table: table ?? mainTable})
		.map(route => routePlan(node, route))
		.filter(route => fits(route, withoutGaps<RoutePlan>({to, table, via: undefined, interface: undefined, onlink: undefined, nextHops: undefined, type: undefined, metric: undefined, source: undefined})))
		.map(wayText).join('; ');
}

function wayText(route: RoutePlan): string {
	const {via, interface: name, nextHops, type, metric} = routeOptions(route);
	const hops = nextHops ?? [{via, interface: name}];
	return [type ?? hops.map(hop => [hop.via === undefined ? '' : `via ${hop.via}`, hop.interface === undefined ? '' : `dev ${hop.interface}`].join(' ').trim()).join(' '), ...metric === undefined ? [] : [`metric ${metric}`]].join(' ');
}

/** With indexes in the place of names. @throws InputError `unknown-interface` */
export function kernelRoute(node: Configurable, {interface: name, nextHops, ...rest}: RoutePlan): Route {
	return {...rest, ...indexed(node, name), ...nextHops ? {nextHops: nextHops.map(({interface: by, ...hop}): NextHop => ({...hop, ...indexed(node, by)}))} : {}};
}

function indexed(node: Configurable, name: string | undefined): {interface?: number} {
	return name === undefined ? {} : {interface: indexOf(node, name)};
}

/** With names in the place of indexes, and without what goes without saying. */
export function routePlan(node: Configurable, {to, via, interface: index, onlink, nextHops, type, table, metric, source}: InstalledRoute): RoutePlan {
	return withoutGaps<RoutePlan>({
		to, via, source, onlink,
		interface: index === undefined ? undefined : nameOf(node, index),
		nextHops: nextHops?.map(hop => withoutGaps<NextHopPlan>({...hop, via: hop.via, onlink: hop.onlink, weight: hop.weight === 1 ? undefined : hop.weight, interface: hop.interface === undefined ? undefined : nameOf(node, hop.interface)})),
		type: type === 'unicast' ? undefined : type,
		table: table === mainTable ? undefined : table,
		metric: metric === defaultMetric(to) ? undefined : metric,
	});
}
