/** What a topology file may say: the options of every kind of node, of an interface, of a link. */
import type {firewalls} from './firewalls.ts';

/** What is done to frames on their way; it needs netem, which not every kernel has. */
export type ShapingOptions = {
	/** Bits of whole Ethernet frames a second, such as `10mbit` (kbit, mbit, gbit: powers of 1000); default: as fast as the machine is. */
	readonly rate?: string;
	/** How much later every frame arrives, such as `15ms` (us, ms, s). */
	readonly delay?: string;
	/** How much the delay varies up and down, evenly, such as `2ms`; at most the delay. Without a rate frames may overtake each other. */
	readonly jitter?: string;
	/** Share of frames that are lost, by chance, such as `1%`. */
	readonly loss?: string;
	/** Frames that may wait for the rate, besides those under way; default 1000. */
	readonly queue?: number;
};

/** Options of one end of a link; what is left out is assigned predictably. Shaping is of what this end sends, and goes before the link's. */
export type InterfaceOptions = ShapingOptions & {
	/** Interface name; default `<node>-eth<n>`, n from 0 on hosts and routers, the port number on switches and bridges. */
	readonly name?: string;
	/** Addresses with prefix length, such as `10.0.0.1/24`; not on switches and bridges. An empty list means: carry none. */
	readonly ip?: string | readonly string[];
	/** MAC address; default: from the first IPv4 address, or counted. */
	readonly mac?: string;
	/** Bytes, 68 to 65535; default 1500. */
	readonly mtu?: number;
	/** Port number on a switch or bridge; default: the next free one from 1. */
	readonly port?: number;
};

/** What a host or a router may say about its end: it has no port numbers. */
export type StationOptions = Omit<InterfaceOptions, 'port'>;

/** What a switch or a bridge may say about its end: it has no addresses. */
export type PortOptions = Omit<InterfaceOptions, 'ip'>;

/** Shaping is of both directions. */
export type LinkOptions = ShapingOptions & {
	/** Bytes, for both ends. */
	readonly mtu?: number;
	/** The two perimeter firewalls tell each other their connections over this link, so that each knows those of both; default false. */
	readonly stateSync?: boolean;
};

/** A static route of a host or a router. */
export type RouteOptions = {
	/** Destination prefix, or `default` (of IPv6 when `via` is an IPv6 address, else of IPv4). */
	readonly to: string;
	/** Address of the next hop. */
	readonly via?: string;
	/** Interface to leave by; needed when there is no `via`. */
	readonly interface?: string;
};

export type HostOptions = {
	/** Addresses of the first interface; default: the next ones of the topology's `ipBase` (and of fd00::/64 with `ipv6`). */
	readonly ip?: string | readonly string[];
	/** MAC address of the first interface. */
	readonly mac?: string;
	/** Default gateways, one a family; default: the only router with an address in the host's subnet. `'none'` for no default route. */
	readonly gateway?: string | readonly string[];
	readonly routes?: readonly RouteOptions[];
	/** Further addresses the host may use as source (POLICY 2.5). */
	readonly allowedAddresses?: readonly string[];
	/** False lifts the checks at this host's ports (POLICY 2.5); default true. */
	readonly portSecurity?: boolean;
};

export type RouterOptions = {
	/** A perimeter firewall: what it forwards is judged by chain PFW and denied unless a rule allows it. */
	readonly perimeter?: boolean;
	/** IPv4 and IPv6 forwarding; default true. */
	readonly forwarding?: boolean;
	/** Answer ARP for addresses that are routed out of another interface; default false. */
	readonly proxyArp?: boolean;
	/** Driver of a perimeter firewall; default iptables-perimeter. */
	readonly firewall?: (typeof firewalls)['router'][number];
	readonly routes?: readonly RouteOptions[];
};

export type SwitchOptions = {
	/** Run the spanning tree protocol; needed where links form a loop. OVS takes 30 s until such a switch forwards. */
	readonly stp?: boolean;
	/** Driver that secures its ports; default openflow. */
	readonly firewall?: (typeof firewalls)['switch'][number];
};

export type BridgeOptions = {
	readonly stp?: boolean;
	/** Driver that secures its ports; without one a bridge enforces nothing. */
	readonly firewall?: (typeof firewalls)['bridge'][number];
};

export type NodeKind = 'host' | 'router' | 'switch' | 'bridge';

export type NodeSpec =
	| {readonly kind: 'host'; readonly name: string; readonly options: HostOptions}
	| {readonly kind: 'router'; readonly name: string; readonly options: RouterOptions}
	| {readonly kind: 'switch'; readonly name: string; readonly options: SwitchOptions}
	| {readonly kind: 'bridge'; readonly name: string; readonly options: BridgeOptions};

export type EndSpec = {
	readonly node: string;
	readonly options: InterfaceOptions;
	/** Name of the other topology whose node was linked here by mistake. */
	readonly foreign?: string;
};

export type LinkSpec = {readonly ends: readonly [EndSpec, EndSpec]; readonly options: LinkOptions};

/** What happens to a pair that no rule matches and no perimeter firewall parts (POLICY 2.4). */
export type Isolation = 'bound' | 'none' | 'all';

/** Settings of a whole topology. */
export type Settings = {
	/** Where automatic addresses come from; default `10.0.0.0/8`. */
	readonly ipBase?: string;
	/** IPv6 on every node, with automatic addresses; default: only on nodes that are given one. */
	readonly ipv6?: boolean;
	/** Default `bound`. */
	readonly isolation?: Isolation;
};

/** A topology as its file says it: nothing assigned, nothing checked. */
export type Graph = {
	readonly name: string;
	readonly settings: Settings;
	/** In the order of the file. */
	readonly nodes: readonly NodeSpec[];
	readonly links: readonly LinkSpec[];
};

/** Hosts and routers have addresses; switches and bridges have ports. */
export function isStation({kind}: {readonly kind: NodeKind}): boolean {
	return kind === 'host' || kind === 'router';
}
