/** Routes by rtnetlink: added, deleted, listed. Functions that change queue; the caller flushes. See rtnetlink(7), ip-route(8). */
import {type Address, type Prefix, addressBytes, formatAddress, formatPrefix, fromBytes} from '../util/address.ts';
import type {Namespace} from './namespace.ts';
import {Attributes} from './netlink-attributes.ts';
import {dump} from './netlink-dump.ts';
import {NETLINK_ROUTE, type Request, type Rtnetlink, align, flag, rtm} from './rtnetlink.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

/** Attributes of linux/rtnetlink.h. */
const rta = {destination: 1, interface: 4, gateway: 5, metric: 6, source: 7, nextHops: 9, table: 15} as const;
/** Values of linux/rtnetlink.h. */
const scopes = {everywhere: 0, link: 253, any: 255} as const;
const types = {unicast: 1, blackhole: 6, unreachable: 7, prohibit: 8} as const;
const typeNames: ReadonlyMap<number, RouteType> = new Map(Object.entries(types).map(([name, number]) => [number, name as RouteType]));
const RTNH_F_ONLINK = 4;
const RTM_F_CLONED = 0x2_00;
/** Bytes of struct rtmsg and of struct rtnexthop. */
const headerLength = 12;
const nextHopLength = 8;

/** The table of everyday routes. */
export const mainTable = 254;

/** Who installed a route: numbers of linux/rtnetlink.h, as in /etc/iproute2/rt_protos. */
export const routeProtocols = {kernel: 2, boot: 3, static: 4, bgp: 186} as const;

/** What becomes of a packet that has no next hop: nothing is said, or an ICMP error tells. */
export type RouteType = keyof typeof types;

export type NextHop = {
	readonly via?: Address | undefined;
	/** Index of the interface to leave by. */
	readonly interface?: number | undefined;
	/** Share of the flows, 1 to 256; default 1. */
	readonly weight?: number | undefined;
	/** The next hop is taken to be on the interface's link, whatever the addresses there say. */
	readonly onlink?: boolean | undefined;
};

export type Route = Omit<NextHop, 'weight'> & {
	readonly to: Prefix;
	/** Several next hops that share the flows; in the place of `via` and `interface`. */
	readonly nextHops?: readonly NextHop[] | undefined;
	/** Default: the main one. */
	readonly table?: number | undefined;
	/** Of several routes to one prefix the lowest wins; default 0, of IPv6 1024. */
	readonly metric?: number | undefined;
	/** One of `routeProtocols`; default static. */
	readonly protocol?: number | undefined;
	readonly type?: RouteType | undefined;
	/** The address that packets of this node then come from. */
	readonly source?: Address | undefined;
};

/** Equivalent to: `ip route add|replace TO [via VIA] [dev NAME] [nexthop …] [metric N] [table N] [proto P]` */
export function addRoute(rtnetlink: Rtnetlink, route: Route, {replace = false}: {readonly replace?: boolean} = {}): void {
	rtnetlink.add(rtm.newRoute, flag.create | (replace ? flag.replace : flag.exclusive), {operation: 'new route', object: routeText(route)}, request => {
		writeRoute(request, route, {protocol: route.protocol ?? routeProtocols.static, scope: scopeOf(route), type: types[route.type ?? 'unicast']});
	});
}

/** What the route leaves out may be anything: the first that fits goes. Equivalent to: `ip route del TO …` */
export function deleteRoute(rtnetlink: Rtnetlink, route: Route): void {
	rtnetlink.add(rtm.deleteRoute, 0, {operation: 'delete route', object: routeText(route)}, request => {
		writeRoute(request, route, {protocol: route.protocol ?? 0, scope: scopes.any, type: route.type === undefined ? 0 : types[route.type]});
	});
}

function writeRoute(request: Request, route: Route, {protocol, scope, type}: {protocol: number; scope: number; type: number}): void {
	request.fixed(headerLength, header => {
		header[0] = route.to.family === 4 ? AF_INET : AF_INET6;
		header[1] = route.to.length;
		header[5] = protocol;
		header[6] = scope;
		header[7] = type;
		header.writeUInt32LE(route.onlink === true ? RTNH_F_ONLINK : 0, 8);
	});
	if (route.to.length > 0) {
		request.attribute(rta.destination, addressBytes(route.to));
	}

	writeWay(request, route);
	if (route.nextHops) {
		writeNextHops(request, route.nextHops);
	}

	if (route.metric !== undefined) {
		request.attribute(rta.metric, route.metric);
	}

	if (route.source) {
		request.attribute(rta.source, addressBytes(route.source));
	}

	request.attribute(rta.table, route.table ?? mainTable);
}

function writeWay(request: Request, {via, interface: index}: Omit<NextHop, 'weight'>): void {
	if (via) {
		request.attribute(rta.gateway, addressBytes(via));
	}

	if (index !== undefined) {
		request.attribute(rta.interface, index);
	}
}

/** Each is a struct rtnexthop, which says its length and interface itself, and attributes. */
function writeNextHops(request: Request, hops: readonly NextHop[]): void {
	request.nested(rta.nextHops, () => {
		for (const {via, interface: index, weight, onlink} of hops) {
			request.fixed(nextHopLength, bytes => {
				bytes.writeUInt16LE(nextHopLength + (via ? 4 + addressBytes(via).length : 0), 0);
				bytes[2] = onlink === true ? RTNH_F_ONLINK : 0;
				bytes[3] = (weight ?? 1) - 1;
				bytes.writeInt32LE(index ?? 0, 4);
			});
			if (via) {
				request.attribute(rta.gateway, addressBytes(via));
			}
		}
	});
}

/** A route that ends on the link is of the link, as `ip` has it; one that passes a router, or none at all, is of everywhere. */
function scopeOf({via, nextHops, type, to}: Route): number {
	const isOnLink = type === undefined && (nextHops ?? [{via}]).every(hop => hop.via === undefined);
	return to.family === 4 && isOnLink ? scopes.link : scopes.everywhere;
}

export type ListOptions = {
	/** Default: the main one; `all` for every table. */
	readonly table?: number | 'all' | undefined;
	/** One of `routeProtocols`; default: whoever installed them. */
	readonly protocol?: number | undefined;
};

/** A route as the kernel has it. */
export type InstalledRoute = Route & {readonly table: number; readonly protocol: number};

/**
The routes of a namespace, IPv4 first, in the kernel's order. Those to its own addresses and to groups stand in a table of their own.
Equivalent to: `ip route show table N proto P`, of both families

@throws KernelError
*/
export function listRoutes(namespace: Namespace, {table = mainTable, protocol}: ListOptions = {}): InstalledRoute[] {
	return ([4, 6] as const).flatMap(family => dump(namespace, {
		protocol: NETLINK_ROUTE,
		type: rtm.getRoute,
		object: 'routes',
		fill(request) {
			request.fixed(headerLength, header => {
				header[0] = family === 4 ? AF_INET : AF_INET6;
			});
		},
		read: readRoute,
	})).filter(route => route !== undefined).filter(route => (table === 'all' || route.table === table) && (protocol === undefined || route.protocol === protocol));
}

/** From the payload of a message, which begins with a struct rtmsg. Undefined for what is no route of a table: remembered ones, those to own addresses, those for everybody. */
export function readRoute(payload: Buffer): InstalledRoute | undefined {
	const family = payload.readUInt8(0) === AF_INET ? 4 : 6;
	const type = typeNames.get(payload.readUInt8(7));
	const flags = payload.readUInt32LE(8);
	if (!type || (flags & RTM_F_CLONED) !== 0) {
		return undefined;
	}

	const attributes = new Attributes(payload, headerLength);
	const length = payload.readUInt8(1);
	const metric = attributes.hostNumber(rta.metric);
	const hops = attributes.bytes(rta.nextHops);
	return {
		to: {family, value: length === 0 ? 0n : fromBytes(attributes.bytes(rta.destination)).value, length},
		table: attributes.hostNumber(rta.table) ?? payload.readUInt8(4),
		protocol: payload.readUInt8(5),
		...type === 'unicast' ? {} : {type},
		...type === 'unicast' ? readWay(attributes, flags) : {},
		...hops.length > 0 ? {nextHops: readNextHops(hops)} : {},
		...metric === undefined ? {} : {metric},
		...addressOf(attributes, rta.source, 'source'),
	};
}

function readWay(attributes: Attributes, flags: number): Omit<NextHop, 'weight'> {
	const index = attributes.hostNumber(rta.interface);
	return {...addressOf(attributes, rta.gateway, 'via'), ...index === undefined ? {} : {interface: index}, ...(flags & RTNH_F_ONLINK) === 0 ? {} : {onlink: true}};
}

function addressOf<Name extends string>(attributes: Attributes, type: number, name: Name): {readonly [name in Name]?: Address} {
	const bytes = attributes.bytes(type);
	return (bytes.length > 0 ? {[name]: fromBytes(bytes)} : {}) as {readonly [name in Name]?: Address};
}

function readNextHops(bytes: Buffer): NextHop[] {
	const hops: NextHop[] = [];
	for (let at = 0; at + nextHopLength <= bytes.length;) {
		const length = bytes.readUInt16LE(at);
		const attributes = new Attributes(bytes, at + nextHopLength, at + length);
		hops.push({...readWay(attributes, bytes.readUInt8(at + 2)), interface: bytes.readInt32LE(at + 4), weight: bytes.readUInt8(at + 3) + 1});
		at += Math.max(nextHopLength, align(length));
	}

	return hops;
}

/** As `ip route` words it, as far as it can without the names of interfaces. */
function routeText({type, to, via, nextHops, metric, table}: Route): string {
	return [
		...type === undefined || type === 'unicast' ? [] : [type],
		formatPrefix(to),
		...via ? [`via ${formatAddress(via)}`] : [],
		...nextHops?.map(hop => hop.via ? `nexthop via ${formatAddress(hop.via)}` : `nexthop dev ${hop.interface ?? 0}`) ?? [],
		...metric === undefined ? [] : [`metric ${metric}`],
		...table === undefined || table === mainTable ? [] : [`table ${table}`],
	].join(' ');
}
