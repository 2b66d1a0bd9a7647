/** How a node treats packets: by its plan, or as somebody has read it from a kernel. What ways of packets are worked out from. */
import {type Address, type Family, type InterfaceAddress, linkLocalAddress, networkOf} from '../util/address.ts';
import type {NeighborPlan, NodePlan, RoutePlan, RulePlan} from './blueprint.ts';
import {answersForOthers, forwards, nextHopsOf} from './routes.ts';
import {mainTable} from './route-text.ts';
import {type Refusal, type ReversePathFilter, reversePathFilters} from './routing-options.ts';
import {isStation} from './specs.ts';
import {sysctlsOf} from './sysctls.ts';

/** What a kernel knows of a packet when it looks for its way. */
export type Flow = {
	readonly to: Address;
	/** Absent before it has been chosen. */
	readonly from?: Address | undefined;
	/** Name of the interface that it came in by; `lo` for the node's own. */
	readonly arrival: string;
};

/** As `ip link` says it. */
export type InterfaceState = 'up' | 'down' | 'no carrier' | 'gone';

export type InterfaceRouting = {
	readonly name: string;
	readonly addresses: readonly InterfaceAddress[];
	/** Whether packets that come in by it may go on. */
	readonly forwards: Readonly<Record<Family, boolean>>;
	/** Answers ARP for addresses that are routed out of another interface. */
	readonly proxyArp: boolean;
	/** Addresses of IPv6 that it answers for. */
	readonly proxies: readonly Address[];
	readonly rpFilter: ReversePathFilter;
};

/** A rule that names a table, or refuses by itself. */
export type LookupRule = Omit<RulePlan, 'table'> & {
	readonly table?: number;
	readonly type?: Refusal;
	/** It is for the packets that do not fit. */
	readonly isInverted?: true;
	/** What else it tells packets by, in words. */
	readonly others?: readonly string[];
	/** A route whose prefix is no longer than this counts as none. */
	readonly suppress?: number;
};

/** `isLearned`: it was asked for, and is asked for again after a while. */
export type KnownNeighbor = NeighborPlan & {readonly isLearned?: boolean};

export type RoutingPlan = {
	/** All of its own, link-local ones too. */
	readonly addresses: readonly Address[];
	readonly interfaces: readonly InterfaceRouting[];
	/** Of all tables, those to its own subnets included. */
	readonly routes: readonly RoutePlan[];
	/** In the order in which they are asked. */
	readonly rules: readonly LookupRule[];
	/** Whom it need not ask for. */
	readonly neighbors: readonly KnownNeighbor[];
	/** TTL of the packets it sends. */
	readonly ttl: Readonly<Record<Family, number>>;
	/** Of an interface of any kind of node. */
	stateOf(name: string): InterfaceState;
	/** Which of several next hops a flow takes, by its place; the first where nobody knows. */
	chosenHop?(flow: Flow, route: RoutePlan): number;
};

/** As Linux has it (IPDEFTTL, RFC 1700). */
const defaultTtl = 64;
/** Tables of ip-route(8): of own addresses, of everyday, and one that is mostly empty; asked in this order by every new namespace. */
const builtInTables = [255, mainTable, 253] as const;

/** What a topology says of a node. */
export function routingPlan(plan: NodePlan): RoutingPlan {
	const settings = new Map(isStation(plan) ? sysctlsOf(optionsOf(plan)?.sysctls, plan.interfaces) : []);
	return {
		addresses: plan.interfaces.flatMap(({addresses, mac}) => [...addresses.map(({address}) => address), ...plan.ipv6 && isStation(plan) ? [linkLocalAddress(mac)] : []]),
		interfaces: plan.interfaces.map(({name, addresses}) => ({
			name, addresses,
			forwards: {4: forwards4(plan, name, settings), 6: forwards(plan, 6)},
			proxyArp: proxiesArp(plan, name, settings),
			proxies: answersForOthers(plan, 6) ? singlesBeyond(plan, name) : [],
			rpFilter: filterOf(plan, name, settings),
		})),
		routes: [...connectedRoutes(plan), ...plan.routes],
		rules: [...plan.rules, ...([4, 6] as const).flatMap(family => builtInTables.map(table => ({family, table})))],
		neighbors: plan.neighbors,
		ttl: {4: defaultTtl, 6: defaultTtl},
		stateOf: () => 'up',
	};
}

type Sysctls = ReadonlyMap<string, string>;

function optionsOf(plan: NodePlan) {
	return plan.kind === 'host' || plan.kind === 'router' ? plan.options : undefined;
}

function connectedRoutes({interfaces}: NodePlan): RoutePlan[] {
	return interfaces.flatMap(({name, addresses}) => addresses.map(address => ({to: networkOf(address), interface: name, ...address.address.family === 6 ? {metric: 256} : {}})));
}

function forwards4(plan: NodePlan, name: string, settings: Sysctls): boolean {
	const said = settings.get(`net/ipv4/conf/${name}/forwarding`) ?? settings.get('net/ipv4/conf/all/forwarding') ?? settings.get('net/ipv4/ip_forward');
	return said === undefined ? forwards(plan, 4) : said !== '0';
}

/** Of a setting for all and one of an interface the kernel takes the stricter, or the one that is on. */
function filterOf(plan: NodePlan, name: string, settings: Sysctls): ReversePathFilter {
	const own = settings.get(`net/ipv4/conf/${name}/rp_filter`) ?? reversePathFilters.indexOf(optionsOf(plan)?.rpFilter ?? 'off');
	return reversePathFilters[Math.max(Number(own), Number(settings.get('net/ipv4/conf/all/rp_filter') ?? 0))] ?? 'off';
}

function proxiesArp(plan: NodePlan, name: string, settings: Sysctls): boolean {
	const own = settings.get(`net/ipv4/conf/${name}/proxy_arp`);
	return settings.get('net/ipv4/conf/all/proxy_arp') === '1' || (own === undefined ? answersForOthers(plan, 4) : own === '1');
}

/** Linux answers neighbour discovery for single addresses only: those with routes of their own that leave by another interface. */
function singlesBeyond({routes}: NodePlan, name: string): Address[] {
	return routes
		.filter(route => route.to.family === 6 && route.to.length === 128 && route.type === undefined && nextHopsOf(route).every(hop => hop.interface !== name))
		.map(({to: {family, value}}) => ({family, value}));
}
