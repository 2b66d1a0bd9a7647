/** What a topology file may say: the options of every kind of node, of an interface, of a link. */
import type {InterfacePlan, NodePlan} from './blueprint.ts';
import type {firewalls} from './firewalls.ts';
import type {RoutingOptions, SysctlOptions} from './routing-options.ts';

export type {NeighborOptions, NextHopOptions, RouteOptions, RoutingOptions, RuleOptions, SysctlOptions} from './routing-options.ts';

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
	/** At the end of a tunnel: the node's address to which the other end sends; default: the one in the other end's subnet, else its only one. */
	readonly endpoint?: string;
	/** Kernel settings of the interface, such as `{'ipv4/rp_filter': 1}`. */
	readonly sysctls?: SysctlOptions;
};

/** What a host or a router may say about its end: it has no port numbers. */
export type StationOptions = Omit<InterfaceOptions, 'port'>;

/** What a switch or a bridge may say about its end: it has no addresses. */
export type PortOptions = Omit<InterfaceOptions, 'ip' | 'endpoint' | 'sysctls'>;

/** Shaping is of both directions. */
export type LinkOptions = ShapingOptions & {
	/** Bytes, for both ends. */
	readonly mtu?: number;
	/** The two perimeter firewalls tell each other their connections over this link, so that each knows those of both; default false. */
	readonly stateSync?: boolean;
};

/** Layer 3 carries packets and has no MACs; layer 2 carries Ethernet frames, so that both ends are neighbors. */
export type TunnelMode = 'layer2' | 'layer3';

export type GreOptions = {
	readonly via: 'gre';
	/** Default `layer3`; `layer2` is what Linux calls gretap. */
	readonly mode?: TunnelMode;
	/** Tells several tunnels between the same two endpoints apart, 0 to 4294967295 (RFC 2890); default: none. */
	readonly key?: number;
	/** Of the outer packets, 1 to 255; default 255. */
	readonly ttl?: number;
	/** Bytes; default: what fits the endpoints' interfaces. */
	readonly mtu?: number;
};

/** Always of layer 2. */
export type VxlanOptions = {
	readonly via: 'vxlan';
	/** Number of the network, 0 to 16777215 (RFC 7348); default: the lowest from 1 on that no other VXLAN has. */
	readonly vni?: number;
	/** Of the outer packets, 1 to 255; default 64. */
	readonly ttl?: number;
	/** UDP port; default 4789. */
	readonly port?: number;
	/** Bytes; default: what fits the endpoints' interfaces. */
	readonly mtu?: number;
};

/** By `ssh -w`: the first end connects, the second one serves. Its interfaces are called tun0, tun1 … (layer 2: tap0 …). */
export type SshOptions = {
	readonly via: 'ssh';
	/** Default `layer3`. */
	readonly mode?: TunnelMode;
	/** Default 1500: a stream of bytes carries packets of any size. */
	readonly mtu?: number;
	/** How the end that connects finds out that the other one is gone: after `count` questions, `interval` seconds apart; default 120 and 3. */
	readonly keepAlive?: {readonly interval?: number; readonly count?: number};
};

export type TunnelOptions = GreOptions | VxlanOptions | SshOptions;

export type HostOptions = RoutingOptions & {
	/** Addresses of the first interface; default: the next ones of the topology's `ipBase` (and of fd00::/64 with `ipv6`), or of the hosts around it when it comes while the lab runs. */
	readonly ip?: string | readonly string[];
	/** MAC address of the first interface. */
	readonly mac?: string;
	/** Default gateways, one a family; default: the only router with an address in the host's subnet. `'none'` for no default route. */
	readonly gateway?: string | readonly string[];
	/** Further addresses the host may use as source (POLICY 2.5). */
	readonly allowedAddresses?: readonly string[];
	/** False lifts the checks at this host's ports (POLICY 2.5); default true. */
	readonly portSecurity?: boolean;
	/** The edge router that it joins when the lab starts; default: none, `HOST join ROUTER` does it later. */
	readonly joins?: string;
};

/** A BGP router (RFC 4271). Hosts can join it: the others learn from it where they are. */
export type BgpOptions = {
	/** Number of its autonomous system, 1 to 4294967295. */
	readonly as: number;
	/**
	With whom it has sessions: `full-mesh` (the default), every router of its AS that says the same; `route-reflector`, every router of its AS, and they are its
	clients (RFC 4456); else names of routers of any AS. It is enough that one of two names the other.
	*/
	readonly neighbors?: 'full-mesh' | 'route-reflector' | readonly string[];
	/** Seconds after which a silent neighbor is taken for gone, 3 to 65535; default 9. */
	readonly holdTime?: number;
};

export type RouterOptions = RoutingOptions & {
	/** Makes it an edge router: hosts join and leave it, and the lab's control plane tells the other edge routers. */
	readonly bgp?: BgpOptions;
	/** A perimeter firewall: what it forwards is judged by chain PFW and denied unless a rule allows it. */
	readonly perimeter?: boolean;
	/** Pass on packets of IPv4 that are for others; default true. */
	readonly forwarding?: boolean;
	/** The same of IPv6; default: as `forwarding`. */
	readonly forwarding6?: boolean;
	/** Answer ARP for addresses that are routed out of another interface; default false. */
	readonly proxyArp?: boolean;
	/** The same of IPv6, for addresses that have a route of their own (/128); default false. */
	readonly proxyNdp?: boolean;
	/** Driver of a perimeter firewall; default iptables-perimeter. */
	readonly firewall?: (typeof firewalls)['router'][number];
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
	/** What it is already, in a network that runs: nothing of it is read or checked again. */
	readonly assigned?: InterfacePlan;
};

export type LinkSpec = {readonly ends: readonly [EndSpec, EndSpec]; readonly options: LinkOptions};

/** Two ends; of a VXLAN two or more. */
export type TunnelSpec = {readonly ends: readonly EndSpec[]; readonly options: TunnelOptions};

/** What happens to a pair that no rule matches and no perimeter firewall parts (POLICY 2.4). */
export type Isolation = 'bound' | 'none' | 'all';

/** Who tells edge routers where hosts are: they tell each other by BGP, or one controller programs them all. */
export type ControlKind = 'bgp' | 'controller';

/** Settings of a whole topology. */
export type Settings = {
	/** Where automatic addresses come from; default `10.0.0.0/8`. */
	readonly ipBase?: string;
	/** IPv6 on every node, with automatic addresses; default: only on nodes that are given one. */
	readonly ipv6?: boolean;
	/** Default `bound`. */
	readonly isolation?: Isolation;
	/** Default `bgp`; it matters where routers have `bgp`. */
	readonly control?: ControlKind;
	/** `static`: every router gets routes to every subnet, by the fewest routers; default: only what it says itself. */
	readonly routing?: 'static';
};

/** A topology as its file says it: nothing assigned, nothing checked. */
export type Graph = {
	readonly name: string;
	readonly settings: Settings;
	/** In the order of the file. */
	readonly nodes: readonly NodeSpec[];
	readonly links: readonly LinkSpec[];
	readonly tunnels: readonly TunnelSpec[];
	/** Nodes as they are already, in a network that runs: one around which nothing is new stays so. */
	readonly assigned?: ReadonlyMap<string, NodePlan>;
};

/** Hosts and routers have addresses; switches and bridges have ports. */
export function isStation({kind}: {readonly kind: NodeKind}): boolean {
	return kind === 'host' || kind === 'router';
}
