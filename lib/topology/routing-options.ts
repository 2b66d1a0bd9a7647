/** What a file, a script or a line of the prompt may say of routing: routes, rules that choose a table, neighbours, kernel settings. */

/** One of several ways to a destination. */
export type NextHopOptions = {
	/** Address of the next hop. */
	readonly via?: string;
	/** Interface to leave by; needed when there is no `via`. */
	readonly interface?: string;
	/** The next hop is on the interface's wire, whatever the subnets there say; needs `via` and `interface`. */
	readonly onlink?: boolean;
	/** Its share of the flows, 1 to 256; default 1. */
	readonly weight?: number;
};

/** What becomes of packets that have no next hop: nothing is said, or the sender is told that it is unreachable or prohibited. */
export const refusals = ['blackhole', 'unreachable', 'prohibit'] as const;
export type Refusal = (typeof refusals)[number];

/** A static route of a host or a router. */
export type RouteOptions = Omit<NextHopOptions, 'weight'> & {
	/** Destination prefix, or `default` (of IPv6 when the next hop is an IPv6 address, else of IPv4). */
	readonly to: string;
	/** Several next hops that share the flows, in the place of `via` and `interface`. */
	readonly nextHops?: readonly NextHopOptions[];
	/** In the place of a next hop. */
	readonly type?: Refusal;
	/** Number of the table it stands in, 1 to 4294967295; default: the main one, 254. */
	readonly table?: number;
	/** Of several routes to one prefix the lowest wins; default 0, of IPv6 1024. */
	readonly metric?: number;
	/** The address that the node's own packets then come from. */
	readonly source?: string;
};

/** Policy routing: packets that fit are looked up in a table of their own. */
export type RuleOptions = {
	/** Prefixes that source and destination lie in; default: any. */
	readonly from?: string;
	readonly to?: string;
	/** Interface that packets come in by; `lo` for the node's own. */
	readonly interface?: string;
	/** Mark that a firewall gave the packet, as a number or as `VALUE/MASK`. */
	readonly mark?: number | string;
	/** Number of the table to look in, 1 to 4294967295. A packet that finds no route there goes on to the next rule. */
	readonly table: number;
	/** Lower ones are asked first; the main table is asked at 32766. Default: 1000 and on in the order of the list. */
	readonly priority?: number;
	/** Needed for IPv6 when neither `from` nor `to` tells; default 4. */
	readonly family?: 4 | 6;
};

/** A neighbour that is never asked for: static ARP, or its counterpart of IPv6. */
export type NeighborOptions = {
	readonly address: string;
	/** Its MAC, or the name of a node on the same wire whose MAC is meant. */
	readonly mac: string;
	/** Default: the node's only interface. */
	readonly interface?: string;
};

/** Whether a packet must have come in by the interface that its source is routed out of: not at all, by that very one, or by any. See ip-sysctl, rp_filter (RFC 3704). */
export const reversePathFilters = ['off', 'strict', 'loose'] as const;
export type ReversePathFilter = (typeof reversePathFilters)[number];

/** Kernel settings by name, such as `net/ipv4/tcp_syncookies`; the names of an interface are `ipv4/NAME`, `ipv6/NAME`, `ipv4/neigh/NAME` or `ipv6/neigh/NAME`. */
export type SysctlOptions = Readonly<Record<string, string | number>>;

/** What hosts and routers have in common. */
export type RoutingOptions = {
	readonly routes?: readonly RouteOptions[];
	/** Policy routing rules, asked in this order. */
	readonly rules?: readonly RuleOptions[];
	readonly neighbors?: readonly NeighborOptions[];
	/** Reverse path filter of all interfaces; default `off`. */
	readonly rpFilter?: ReversePathFilter;
	/** Kernel settings of the node, such as `{'net/ipv4/tcp_syncookies': 0}`. */
	readonly sysctls?: SysctlOptions;
};
