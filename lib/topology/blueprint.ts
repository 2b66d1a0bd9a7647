/** A topology with every name, address, MAC and port number decided: what `Network` builds and what `inventory` reads. */
import type {Address, Family, InterfaceAddress, Mac, Prefix} from '../util/address.ts';
import type {Refusal, SysctlOptions} from './routing-options.ts';
import type {Shaping} from './shaping.ts';
import type {Isolation, NodeSpec, Settings, TunnelMode} from './specs.ts';

export type Blueprint = {
	/** The topology's name in lower case with dashes, such as `router-as-switch`; the default name of its lab. */
	readonly name: string;
	/** As the file has them: what comes while the lab runs is assigned by them too. */
	readonly settings: Settings;
	readonly isolation: Isolation;
	/** In the order of the file, those that came later behind. */
	readonly nodes: ReadonlyMap<string, NodePlan>;
	readonly links: readonly LinkPlan[];
	readonly tunnels: readonly TunnelPlan[];
};

export type NodePlan = NodeSpec & {
	readonly interfaces: readonly InterfacePlan[];
	/** Static routes, the default ones included, those without a next hop first; hosts and routers only. */
	readonly routes: readonly RoutePlan[];
	/** Rules of policy routing, in their order. */
	readonly rules: readonly RulePlan[];
	/** Permanent neighbours. */
	readonly neighbors: readonly NeighborPlan[];
	/** Whether the node's namespace has IPv6 switched on. */
	readonly ipv6: boolean;
};

export type InterfacePlan = {
	readonly node: string;
	readonly name: string;
	/** Port number; on switches and bridges only. */
	readonly port?: number;
	readonly mac: Mac;
	/** Empty on switches and bridges. */
	readonly addresses: readonly InterfaceAddress[];
	/** Bytes. */
	readonly mtu: number;
	/** Of what it sends. */
	readonly shaping?: Shaping;
	/** Whether it is the end of a tunnel. On one of layer 3 nobody uses its MAC. */
	readonly tunnel?: TunnelMode;
	/** Kernel settings, as the options name them. */
	readonly sysctls?: SysctlOptions;
};

export type LinkPlan = {
	readonly ends: readonly [InterfacePlan, InterfacePlan];
	/** The two perimeter firewalls tell each other their connections over it. */
	readonly stateSync?: boolean;
};

/** What a tunnel needs to know besides its ends. */
export type TunnelTransport =
	| {readonly via: 'gre'; readonly mode: TunnelMode; readonly key?: number; readonly ttl: number}
	| {readonly via: 'vxlan'; readonly mode: 'layer2'; readonly vni: number; readonly ttl: number; readonly port: number}
	| {readonly via: 'ssh'; readonly mode: TunnelMode; readonly keepAlive: {readonly interval: number; readonly count: number}};

export type TunnelPlan = TunnelTransport & {
	/** Two; of a VXLAN two or more. Of an SSH tunnel the first one connects. */
	readonly ends: readonly TunnelEndPlan[];
};

export type TunnelEndPlan = {
	readonly interface: InterfacePlan;
	/** Address of its node to which the other ends send what the tunnel carries. */
	readonly endpoint: Address;
};

export type NextHopPlan = {
	readonly via?: Address;
	/** Name of the interface to leave by. */
	readonly interface?: string;
	readonly onlink?: boolean;
	readonly weight?: number;
};

/** With one next hop, with several, or with none and a type. */
export type RoutePlan = Omit<NextHopPlan, 'weight'> & {
	readonly to: Prefix;
	readonly nextHops?: readonly NextHopPlan[];
	readonly type?: Refusal;
	/** Default: the main one. */
	readonly table?: number;
	readonly metric?: number;
	readonly source?: Address;
};

export type RulePlan = {
	readonly family: Family;
	readonly from?: Prefix;
	readonly to?: Prefix;
	/** Name of the interface that packets come in by. */
	readonly interface?: string;
	readonly mark?: {readonly value: number; readonly mask: number};
	readonly table: number;
	/** Absent where the kernel chooses. */
	readonly priority?: number;
};

export type NeighborPlan = {
	readonly address: Address;
	readonly mac: Mac;
	/** Name of the interface it is reached by. */
	readonly interface: string;
};
