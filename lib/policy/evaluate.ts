/** The meaning of a policy, without a compiler: what happens to a packet that is part of no marked connection, and why. Every enforcement point must agree with it. */
import {compareAddresses, prefixOf} from '../util/address.ts';
import type {Address, Prefix} from '../util/address.ts';
import type {TrafficMatch} from './filter-rule.ts';
import {numbered} from './grammar.ts';
import {domainOf, isParted} from './inventory.ts';
import type {Inventory} from './inventory.ts';
import {resolveMembers} from './member.ts';
import type {Action, Peer, Policy, Rule} from './model.ts';
import {addressesOf, nodeAddresses, unwrap} from './peer-addresses.ts';
import type {BasePeer, NamedPeer} from './peer-addresses.ts';
import {peerText} from './peer.ts';
import {remember} from './passes/memo.ts';
import {includes} from './prefix-set.ts';
import {matchesTraffic, trafficMatches} from './traffic.ts';
import type {Header} from './traffic.ts';

/** A packet that is part of no connection that the policy made; packets of one follow its verdict (POLICY 2.3). */
export type Packet = Header & {
	/** Of one family. */
	readonly source: Address;
	readonly destination: Address;
	/** Whether it may start a connection; TCP in midstream and what connection tracking calls invalid may not. Default true. */
	readonly opens?: boolean;
};

export type Verdict = {
	readonly action: Action;
	/** Whether it makes a connection, whose further packets and replies then pass unjudged; only an `allow` can. */
	readonly stateful: boolean;
	readonly by: Reason;
};

export type Reason =
	| {readonly kind: 'rule'; readonly rule: Rule}
	/** No rule matches: the pair is parted by a perimeter firewall, the destination is bound, it is not, or the lab isolates all. */
	| {readonly kind: 'default'; readonly reason: 'perimeter' | 'bound' | 'open' | 'isolated'}
	/** Traffic to a router itself is not judged. */
	| {readonly kind: 'router'};

/**
Prepares a policy once and returns its verdicts. A packet costs one look-up for each side that the rules name and one step for each rule, at worst.

A packet is judged by its addresses and its traffic, so of a host with several interfaces those that it uses decide. The order:
- to an address of a router: allowed;
- the first rule whose sides hold source and destination and whose traffic it is; a packet that opens no connection passes over stateful allow rules;
- addresses in two domains (isParted): denied, a perimeter firewall stands between;
- by isolation: `bound` denies what goes to an address of a host in any group, `all` denies, `none` allows.

What a host sends to itself crosses no enforcement point: its verdict, the same as that of any other packet, is never asked for.
Multicast and broadcast are judged at the receiving port: ask with the receiver's address as destination; a copy makes no connection.
How often a rule lets packets pass (`rate`) is no part of the verdict.
*/
export function evaluator(policy: Policy, inventory: Inventory): (packet: Packet) => Verdict {
	const sideOf = sidesOf(policy, inventory);
	const rules = policy.rules.map((rule): PreparedRule => ({
		rule,
		from: sideOf(rule.from),
		to: sideOf(rule.to),
		traffic: trafficMatches(rule.traffic, policy.services),
		needsOpening: rule.action === 'allow' && rule.stateful,
	}));
	const defaultOf = defaults(policy, inventory);
	const routers = addressSet([...inventory.routers.values()].flatMap(({addresses}) => addresses));
	return packet => {
		const {source, destination, opens = true} = packet;
		if (includes(routers, destination)) {
			return {action: 'allow', stateful: opens, by: {kind: 'router'}};
		}

		const [isFrom, isTo] = [lookUp(source), lookUp(destination)];
		const match = rules.find(({needsOpening, traffic, from, to}) =>
			(opens || !needsOpening) && matchesTraffic(traffic, source.family, packet) && isFrom(from) && isTo(to));
		if (match) {
			return {action: match.rule.action, stateful: match.needsOpening, by: {kind: 'rule', rule: match.rule}};
		}

		const by = defaultOf(source, destination);
		const action = by.reason === 'open' ? 'allow' : 'deny';
		return {action, stateful: opens && action === 'allow', by};
	};
}

/** Asks, of one address after the other, which peers stand for it. */
export function membership(policy: Policy, inventory: Inventory): (address: Address) => (peer: Peer) => boolean {
	const sideOf = sidesOf(policy, inventory);
	return address => {
		const isIn = lookUp(address);
		return peer => isIn(sideOf(peer));
	};
}

/** A verdict in one sentence, such as `Denied by rule 2 (deny sg1 to any).` */
export function explainVerdict({action, by}: Verdict): string {
	const outcome = outcomes[action];
	switch (by.kind) {
		case 'rule':
			return `${outcome} by rule ${numbered(by.rule)}.`;
		case 'default':
			return `${outcome}: no rule matches, and ${defaultReasons[by.reason]}.`;
		case 'router':
			return `${outcome}: traffic to a router itself is not judged.`;
	}
}

const outcomes = {allow: 'Allowed', deny: 'Denied', reject: 'Rejected'} as const;

const defaultReasons = {
	perimeter: 'a perimeter firewall stands between the two addresses',
	bound: 'the destination is a host that is in a group',
	open: 'nothing guards the destination',
	isolated: 'the isolation of this lab is "all"',
} as const;

type PreparedRule = {
	readonly rule: Rule;
	readonly from: Side;
	readonly to: Side;
	readonly traffic: readonly TrafficMatch[] | undefined;
	/** It makes connections, so it matches only what opens one. */
	readonly needsOpening: boolean;
};

/** One side of a rule. */
type Side = {readonly addresses: Addresses; readonly negated: boolean};
/** Rules that name the same peer, with or without a `not`, share its addresses. */
type Addresses = {readonly prefixes: readonly Prefix[]};

function sidesOf(policy: Policy, inventory: Inventory): (peer: Peer) => Side {
	const known = new Map<string, Addresses>();
	const named = (peer: NamedPeer): readonly Prefix[] => namedAddresses(peer, policy, inventory);
	const shared = (base: BasePeer): Addresses => {
		const addresses = known.get(peerText(base)) ?? {prefixes: addressesOf(base, named)};
		known.set(peerText(base), addresses);
		return addresses;
	};

	return peer => {
		const {base, negated} = unwrap(peer);
		return {addresses: shared(base), negated};
	};
}

/** Asks about the address once for each side at most: many rules name few sides. */
function lookUp(address: Address): (side: Side) => boolean {
	const known = new Map<Addresses, boolean>();
	return ({addresses, negated}) => {
		const answer = known.get(addresses) ?? includes(addresses.prefixes, address);
		known.set(addresses, answer);
		return answer !== negated;
	};
}

type Default = Extract<Reason, {readonly kind: 'default'}>;

/** What becomes of packets that no rule matches; only `open` allows. */
function defaults(policy: Policy, inventory: Inventory): (source: Address, destination: Address) => Default {
	let bound: readonly Prefix[] | undefined;
	const boundAddresses = () => bound ??= addressSet([...new Set([...policy.groups.values()].flatMap(members => [...members]))].flatMap(host => inventory.hosts.get(host)?.addresses ?? []));
	const within = (destination: Address): Default['reason'] => {
		switch (policy.isolation) {
			case 'bound':
				return includes(boundAddresses(), destination) ? 'bound' : 'open';
			case 'none':
				return 'open';
			case 'all':
				return 'isolated';
		}
	};

	return (source, destination) => {
		const parted = isParted(domainOf(inventory, source), domainOf(inventory, destination));
		return {kind: 'default', reason: parted ? 'perimeter' : within(destination)};
	};
}

function namedAddresses(peer: NamedPeer, {groups, ipgs}: Policy, inventory: Inventory): readonly Prefix[] {
	switch (peer.kind) {
		case 'ipg':
			return resolveMembers(ipgs.get(peer.name) ?? []);
		case 'group':
			return groupAddresses(groups.get(peer.name) ?? nobody, inventory);
		case 'node':
			return nodeAddresses(peer.name, inventory);
	}
}

const nobody: ReadonlySet<string> = new Set();
/** A group that a change leaves as it was is the very same set. */
const known = new WeakMap<Inventory, WeakMap<ReadonlySet<string>, readonly Prefix[]>>();

function groupAddresses(members: ReadonlySet<string>, inventory: Inventory): readonly Prefix[] {
	const ofInventory = remember(known, inventory, () => new WeakMap<ReadonlySet<string>, readonly Prefix[]>());
	return remember(ofInventory, members, () => addressSet([...members].flatMap(host => inventory.hosts.get(host)?.addresses ?? [])));
}

/** Sorted, as look-ups need them. */
function addressSet(addresses: readonly Address[]): Prefix[] {
	return addresses.map(prefixOf).sort(compareAddresses);
}
