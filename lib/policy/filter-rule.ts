/** What a policy means for one enforcement point: the form that drivers render. It knows addresses and sets, no groups and no sentences to parse. */
import type {Address, Family, Mac, Prefix} from '../util/address.ts';
import type {Isolation} from '../topology/specs.ts';
import type {DeviceKind} from './inventory.ts';
import type {Action, Log, PortRange, Rate} from './model.ts';

/** A named set of addresses, both families: a group's members, an IPG's disjoint prefixes. */
export type AddressSet = {
	/** `sg:web` for a group, `ipg:office` for an IPG, `peers:(web, 10.0.0.0/8)` for what has no name of its own. */
	readonly name: string;
	/** Disjoint, sorted by compareAddresses. */
	readonly prefixes: readonly Prefix[];
};

/** One side of a filter rule. */
export type Match =
	| {readonly kind: 'any'}
	/** `negated`: every address, of both families, that the set does not hold. */
	| {readonly kind: 'set'; readonly set: string; readonly negated: boolean}
	| {readonly kind: 'prefixes'; readonly prefixes: readonly Prefix[]};

/** Packets of one protocol in one family. Ranges are sorted, disjoint and do not touch; undefined means every port, type or code. */
export type TrafficMatch = {
	readonly family: Family;
	/** IP protocol number; for IPv6 the one behind the extension headers. */
	readonly protocol: number;
	readonly sport?: readonly PortRange[];
	readonly dport?: readonly PortRange[];
	readonly icmpType?: number;
	readonly icmpCode?: number;
};

export type FilterRule = {
	/** Id of the rule it comes from. */
	readonly id: number;
	/** The user's sentence, such as `allow sg1 to sg2`. */
	readonly sentence: string;
	readonly action: Action;
	readonly from: Match;
	readonly to: Match;
	/** A packet matches when it matches any of them; undefined for every IP packet. Never two for one family and protocol. */
	readonly traffic: readonly TrafficMatch[] | undefined;
	/** The only family whose packets can match, whoever joins the groups that the rule names; undefined when both may. */
	readonly family?: Family;
	readonly stateful: boolean;
	readonly log?: Log;
	readonly rate?: Rate;
};

/** A switch port with a host behind it. */
export type GuardedPort = {
	readonly port: number;
	readonly host: string;
	readonly mac: Mac;
	/** The interface's own addresses, link-local included. */
	readonly addresses: readonly Address[];
	/** Further prefixes the host may send from. */
	readonly allowed: readonly Prefix[];
	/** The host is in a group: its default is deny (isolation `bound`). */
	readonly bound: boolean;
	/** The host has lifted port security: it may use any address, also one of another host. */
	readonly lifted: boolean;
	/** The port is watched (POLICY 2.5): the host is bound and has not lifted port security. */
	readonly secured: boolean;
};

/** Everything that all devices of a lab share. Rendered once, used for each device. */
export type SharedPlan = {
	readonly isolation: Isolation;
	/** Ids of all rules, in evaluation order. */
	readonly order: readonly number[];
	/** Every set that some rule names, by name. */
	readonly sets: ReadonlyMap<string, AddressSet>;
	/** Addresses of hosts that are in any group. */
	readonly bound: AddressSet;
	/** Addresses of routers: traffic to them is not judged. */
	readonly routers: AddressSet;
	/** MACs of routers: only a frame to one of them takes a packet to a router. */
	readonly routerMacs: readonly Mac[];
	/** As in Inventory.broadcasts. */
	readonly broadcasts: readonly Address[];
	/** As in Inventory.domains. */
	readonly domains: ReadonlyArray<{readonly id: number; readonly subnets: readonly Prefix[]; readonly perimeter: boolean}>;
};

/** What one enforcement point has to enforce. */
export type DevicePlan = {
	readonly device: string;
	readonly kind: DeviceKind;
	readonly zone: number;
	readonly shared: SharedPlan;
	/** In evaluation order; only rules whose pairs can cross the device. */
	readonly rules: readonly FilterRule[];
	/** Host ports, bound or not, by port number; empty on a perimeter router. */
	readonly guarded: readonly GuardedPort[];
	/** All ports of a switch. */
	readonly ports: readonly number[];
	/** Port number to the name of its interface, where that is not `DEVICE-ethPORT`. */
	readonly interfaces?: ReadonlyMap<number, string>;
};

/** A compiled policy: one plan per device, by name in natural order. */
export type Compiled = {readonly shared: SharedPlan; readonly devices: ReadonlyMap<string, DevicePlan>};
