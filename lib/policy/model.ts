/** A policy as data: groups, address sets, services and ordered rules. A policy is never changed; every edit returns a new one. */
import type {Address, Prefix} from '../util/address.ts';
import type {Isolation} from '../topology/specs.ts';

export type Action = 'allow' | 'deny' | 'reject';

/** One side of a rule, as the user named it. */
export type Peer =
	| {readonly kind: 'any'}
	| {readonly kind: 'group'; readonly name: string}
	| {readonly kind: 'ipg'; readonly name: string}
	| {readonly kind: 'node'; readonly name: string}
	| {readonly kind: 'prefix'; readonly prefix: Prefix}
	/** Every address, of both families, that the peer does not stand for. */
	| {readonly kind: 'not'; readonly peer: Peer}
	/** Every address that any of the peers stands for. At least one. */
	| {readonly kind: 'list'; readonly peers: readonly Peer[]};

/** Ports from `first` to `last`, both included, 0 to 65535. */
export type PortRange = {readonly first: number; readonly last: number};

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** What packets a rule is about, as the user named it. Ranges are sorted, disjoint and do not touch; undefined means every port. */
export type Traffic =
	| {readonly kind: 'any'}
	| {readonly kind: 'ports'; readonly protocol: PortProtocol; readonly sport?: readonly PortRange[]; readonly dport?: readonly PortRange[]}
	/** ICMP on IPv4 and ICMPv6 on IPv6 when `protocol` is icmp; `type` is a name of icmp-types.ts, undefined for every type. */
	| {readonly kind: 'icmp'; readonly protocol: 'icmp' | 'icmp6'; readonly type?: string}
	/** IP protocol by number, 0 to 255. */
	| {readonly kind: 'protocol'; readonly number: number}
	/** Names of services, in the order given, each once. */
	| {readonly kind: 'services'; readonly names: readonly string[]};

/** One entry of a service: a protocol and its destination ports. */
export type ServicePorts = {readonly protocol: PortProtocol; readonly dport: readonly PortRange[]};

/** `text` is put before the lines of the log; empty when the user gave none. */
export type Log = {readonly text: string};

/** First packets of connections (stateless rules: packets) a second that an allow rule lets pass; what is over it is dropped. Tokens refill steadily up to `burst`. */
export type Rate = {readonly perSecond: number; readonly burst: number};

export type Rule = {
	/** Stable, never reused within a lab. */
	readonly id: number;
	readonly action: Action;
	readonly from: Peer;
	readonly to: Peer;
	readonly traffic: Traffic;
	/** Whether it makes connections; a stateless rule judges every packet alone. */
	readonly stateful: boolean;
	/** Lower is judged earlier. */
	readonly prio: number;
	readonly log?: Log;
	readonly rate?: Rate;
	/** Another way to refer to the rule; one name space with nodes, groups, IPGs and services. */
	readonly name?: string;
	readonly comment?: string;
};

/** Right before or behind the rule of this id, at its prio. */
export type Place = {readonly side: 'before' | 'after'; readonly rule: number};

/** What a sentence says of a rule. What it leaves out is as the policy that takes the rule in has it: any traffic, its mode, behind the rules of the default prio. */
export type RuleParts = Pick<Rule, 'action' | 'from' | 'to'> & Partial<Omit<Rule, 'id' | 'action' | 'from' | 'to'>> & {readonly place?: Place};

/** Priority of a rule that names none. */
export const defaultPrio = 1000;

/** A member of an address set as the user wrote it: an address, a prefix or a range, perhaps excluded by `!`. */
export type IpgMember = {
	readonly excluded: boolean;
	readonly first: Address;
	readonly last: Address;
	/** Normal form, such as `10.1.0.0/16`, `!10.1.2.3`, `10.0.0.1-10.0.0.9`. */
	readonly text: string;
};

/** What becomes of open connections that a change no longer allows. */
export type Revocation = 'cut' | 'keep';

export type Policy = {
	/** Group name to the names of its member hosts. */
	readonly groups: ReadonlyMap<string, ReadonlySet<string>>;
	readonly ipgs: ReadonlyMap<string, readonly IpgMember[]>;
	readonly services: ReadonlyMap<string, readonly ServicePorts[]>;
	/** In evaluation order, by prio, then as inserted: first match wins. */
	readonly rules: readonly Rule[];
	/** The id the next rule gets. */
	readonly nextId: number;
	readonly isolation: Isolation;
	readonly revocation: Revocation;
	/** Whether a rule that says neither `stateful` nor `stateless` is stateful. */
	readonly stateful: boolean;
};

export function emptyPolicy(isolation: Isolation): Policy {
	return {groups: new Map(), ipgs: new Map(), services: new Map(), rules: [], nextId: 1, isolation, revocation: 'cut', stateful: true};
}
