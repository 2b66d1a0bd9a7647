/** Static routes of hosts and routers, default gateways included: those of the file are read, a host's gateway that it leaves out is found. */
import {
	type Address, type Family, type Prefix, contains, formatPrefix, networkOf, tryParseAddress, tryParsePrefix,
} from '../util/address.ts';
import {printable} from '../util/names.ts';
import type {Problems} from '../util/problems.ts';
import {texts} from './addresses.ts';
import type {InterfacePlan, RoutePlan} from './blueprint.ts';
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

		const routes = (node.options.routes ?? []).flatMap(route => readRoute(node.name, route, problems) ?? []);
		const gateways = node.kind === 'host' ? hostGateways(node.name, node.options, routes, () => [...new Set(interfaces.flatMap(routersOf))], problems) : [];
		return [...routes, ...gateways].sort((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined));
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

function readRoute(node: string, {to, via, interface: leaveBy}: RouteOptions, problems: Problems): RoutePlan | undefined {
	const nextHop = via === undefined ? undefined : tryParseAddress(via);
	const prefix = to === 'default' ? everything(nextHop?.family ?? 4) : tryParsePrefix(to);
	const mistake = routeMistake(prefix, nextHop, {via, leaveBy});
	if (mistake || !prefix) {
		problems.add(node, `its route to "${printable(to)}" ${mistake}`, 'Write it like {to: \'10.2.0.0/16\', via: \'10.0.0.254\'} or {to: \'default\', interface: \'eth0\'}');
		return undefined;
	}

	return {to: prefix, ...(nextHop ? {via: nextHop} : {}), ...(leaveBy === undefined ? {} : {interface: leaveBy})};
}

function routeMistake(to: Prefix | undefined, nextHop: Address | undefined, {via, leaveBy}: {via: string | undefined; leaveBy: string | undefined}): string {
	if (!to) {
		return 'names no prefix (the host bits must be zero)';
	}

	if (via !== undefined && !nextHop) {
		return `goes via "${printable(via)}", which is no address`;
	}

	if (nextHop && nextHop.family !== to.family) {
		return 'goes via an address of the other family';
	}

	return nextHop ?? leaveBy ? '' : 'has neither via nor interface';
}

export function isDefault({to}: RoutePlan): boolean {
	return to.length === 0;
}

function everything(family: Family): Prefix {
	return {family, value: 0n, length: 0};
}
