/** The meaning of a policy, without a compiler: what happens to a connection's first packet, and why. Every enforcement point must agree with it. */
import {compareAddresses, prefixOf} from '../util/address.ts';
import type {Address, Prefix} from '../util/address.ts';
import {numbered, peerText} from './grammar.ts';
import {domainOf, isParted} from './inventory.ts';
import type {Inventory} from './inventory.ts';
import {resolveMembers} from './member.ts';
import type {Action, Peer, Policy, Rule} from './model.ts';
import {includes} from './prefix-set.ts';

/** The first packet of a connection; replies follow its verdict (POLICY 2.3). */
export type Packet = {readonly source: Address; readonly destination: Address};

export type Verdict = {readonly action: Action; readonly by: Reason};

export type Reason =
	| {readonly kind: 'rule'; readonly rule: Rule}
	/** No rule matches: the pair is parted by a perimeter firewall, the destination is bound, it is not, or the lab isolates all. */
	| {readonly kind: 'default'; readonly reason: 'perimeter' | 'bound' | 'open' | 'isolated'}
	/** Traffic to a router itself is not judged. */
	| {readonly kind: 'router'};

/**
Prepares a policy once and returns its verdicts. A packet costs one look-up for each side that the rules name and one step for each rule, at worst.

A packet is judged by its addresses alone, so of a host with several interfaces those that it uses decide. The order:
- to an address of a router: allowed;
- the first rule whose sides hold source and destination;
- addresses in two domains (isParted): denied, a perimeter firewall stands between;
- by isolation: `bound` denies what goes to an address of a host in any group, `all` denies, `none` allows.

What a host sends to itself crosses no enforcement point: its verdict, the same as that of any other packet, is never asked for.
Multicast and broadcast are judged at the receiving port: ask with the receiver's address as destination.
*/
export function evaluator(policy: Policy, inventory: Inventory): (packet: Packet) => Verdict {
	const sides = new Map<string, Side>();
	const sideOf = (peer: Peer): Side => {
		const side = sides.get(peerText(peer)) ?? {prefixes: prefixesOf(peer, policy, inventory)};
		sides.set(peerText(peer), side);
		return side;
	};

	const rules = policy.rules.map(rule => ({rule, from: sideOf(rule.from), to: sideOf(rule.to)}));
	const routers = addressSet([...inventory.routers.values()].flatMap(({addresses}) => addresses));
	const bound = addressSet([...policy.groups.values()].flatMap(members => [...members].flatMap(host => inventory.hosts.get(host)?.addresses ?? [])));
	return ({source, destination}) => {
		if (includes(routers, destination)) {
			return {action: 'allow', by: {kind: 'router'}};
		}

		const [isFrom, isTo] = [lookUp(source), lookUp(destination)];
		const match = rules.find(({from, to}) => isFrom(from) && isTo(to));
		if (match) {
			return {action: match.rule.action, by: {kind: 'rule', rule: match.rule}};
		}

		if (isParted(domainOf(inventory, source), domainOf(inventory, destination))) {
			return {action: 'deny', by: {kind: 'default', reason: 'perimeter'}};
		}

		switch (policy.isolation) {
			case 'bound':
				return includes(bound, destination) ? {action: 'deny', by: {kind: 'default', reason: 'bound'}} : {action: 'allow', by: {kind: 'default', reason: 'open'}};
			case 'none':
				return {action: 'allow', by: {kind: 'default', reason: 'open'}};
			case 'all':
				return {action: 'deny', by: {kind: 'default', reason: 'isolated'}};
		}
	};
}

/** A verdict in one sentence, such as `Denied by rule 2 (deny sg1 to any).` */
export function explainVerdict({action, by}: Verdict): string {
	const outcome = action === 'allow' ? 'Allowed' : 'Denied';
	switch (by.kind) {
		case 'rule':
			return `${outcome} by rule ${numbered(by.rule)}.`;
		case 'default':
			return `${outcome}: no rule matches, and ${defaultReasons[by.reason]}.`;
		case 'router':
			return `${outcome}: traffic to a router itself is not judged.`;
	}
}

const defaultReasons = {
	perimeter: 'a perimeter firewall stands between the two addresses',
	bound: 'the destination is a host that is in a group',
	open: 'nothing guards the destination',
	isolated: 'the isolation of this lab is "all"',
} as const;

/** One side of a rule; rules that name the same peer share theirs. */
type Side = {readonly prefixes: readonly Prefix[]};

/** Asks each side about the address once at most: many rules name few sides. */
function lookUp(address: Address): (side: Side) => boolean {
	const known = new Map<Side, boolean>();
	return side => {
		const answer = known.get(side) ?? includes(side.prefixes, address);
		known.set(side, answer);
		return answer;
	};
}

/** Sorted, as look-ups need them. Empty for what has no address now: such a side holds nothing. */
function prefixesOf(peer: Peer, {groups, ipgs}: Policy, {hosts, routers}: Inventory): readonly Prefix[] {
	switch (peer.kind) {
		case 'any':
			return everything;
		case 'prefix':
			return [peer.prefix];
		case 'ipg':
			return resolveMembers(ipgs.get(peer.name) ?? []);
		case 'group':
			return addressSet([...groups.get(peer.name) ?? []].flatMap(host => hosts.get(host)?.addresses ?? []));
		case 'node':
			return addressSet((hosts.get(peer.name) ?? routers.get(peer.name))?.addresses ?? []);
	}
}

const everything: readonly Prefix[] = [{family: 4, value: 0n, length: 0}, {family: 6, value: 0n, length: 0}];

function addressSet(addresses: readonly Address[]): Prefix[] {
	return addresses.map(prefixOf).sort(compareAddresses);
}
