/** A packet followed from its sender on, station by station: what each does with it, in the order in which Linux decides it, until it is there or dies. */
import {type Address, type Mac, formatAddress} from '../util/address.ts';
import type {InterfacePlan, NodePlan, TunnelPlan} from './blueprint.ts';
import type {Ground} from './ground.ts';
import {type Answer, type Station, answerTo} from './neighbor-question.ts';
import type {Egress} from './route-lookup.ts';
import {isStation} from './specs.ts';

export type Hop = {
	readonly node: NodePlan;
	/** The interface a frame comes in by, and its addresses; undefined where the path begins. */
	readonly arrival?: {
		readonly by: InterfacePlan;
		readonly source: Mac;
		readonly destination: Mac;
		/** What it came through. */
		readonly tunnel?: TunnelPlan;
	};
	/** Of the packet when it comes in; where the path begins, as it is sent. */
	readonly ttl: number;
	/** Where a host or router sends it on. */
	readonly departure?: {
		readonly by: InterfacePlan;
		/** Whom it asks for. */
		readonly next: Address;
	};
};

/** Why a packet dies, besides what firewalls do. `outside`: by an interface that is no part of the lab; `tunnel`: what carries the tunnel does not get to its other end. */
export type DeathReason = 'not-a-sender' | 'no-route' | 'refused' | 'forwarding-off' | 'reverse-path-filter' | 'ttl' | 'interface-down' | 'no-answer' | 'outside' | 'tunnel';

export type Path = {
	readonly hops: readonly Hop[];
	/** Why it ends before the destination; undefined when it gets there. */
	readonly broken?: string;
	readonly reason?: DeathReason;
};

export type Packet = {readonly source: Address | undefined; readonly destination: Address};

type Departure = NonNullable<Hop['departure']>;
type Death = {readonly reason: DeathReason; readonly broken: string; readonly departure?: Departure};

/** @param ttl default: what the sender's kernel gives its packets */
export function walk(ground: Ground, start: NodePlan, packet: Packet, ttl: number = ground.station(start).lookup.routing.ttl[packet.destination.family]): Path {
	const hops: Hop[] = [];
	for (let hop: Hop = {node: start, ttl}; ;) {
		const step = turn(hops, hop) ?? pass(ground, hop, packet);
		if (step === 'there') {
			return {hops: [...hops, hop]};
		}

		if ('broken' in step) {
			return {hops: [...hops, step.departure ? {...hop, departure: step.departure} : hop], broken: step.broken, reason: step.reason};
		}

		hops.push({...hop, departure: step.departure}, ...step.beyond.slice(0, -1));
		hop = step.beyond.at(-1) as Hop;
	}
}

type Step = 'there' | Death | {readonly departure: Departure; readonly beyond: readonly Hop[]};

/** A packet that comes where it was, by the same interface, goes in a circle: the rest of its TTL changes nothing. */
function turn(hops: readonly Hop[], {node, arrival}: Hop): Death | undefined {
	const before = hops.findIndex(each => each.node === node && each.arrival?.by === arrival?.by);
	const circle = before === -1 ? [] : [...new Set(hops.slice(before).filter(each => isStation(each.node)).map(each => each.node.name))];
	return before === -1 ? undefined : {reason: 'ttl', broken: circle.length === 1 ? `${node.name} sends it back to itself until its TTL runs out` : `${circle.join(', ')} pass it on in a circle until its TTL runs out`};
}

function pass(ground: Ground, hop: Hop, packet: Packet): Step {
	const station = ground.station(hop.node);
	const outcome = decide(station, hop, packet);
	if (outcome === 'there' || 'broken' in outcome) {
		return outcome;
	}

	const by = hop.node.interfaces.find(({name}) => name === outcome.interface);
	if (!by) {
		return {reason: 'outside', broken: `${hop.node.name} sends it out of ${outcome.interface}, which is no part of the lab`};
	}

	const departure = {by, next: outcome.next};
	const state = ground.stateOf(by);
	if (state !== 'up') {
		return {reason: 'interface-down', broken: `${by.name} of ${hop.node.name} ${state === 'no carrier' ? 'has no carrier' : `is ${state}`}`, departure};
	}

	return {departure, ...cross(ground, station, {by, egress: outcome, hop, packet})};
}

/** What the station itself says: it is there, it is not let through, or it leaves here. */
function decide({plan: {name, kind}, lookup}: Station, {arrival, ttl}: Hop, {source, destination}: Packet): 'there' | Death | Egress {
	if (!isStation({kind})) {
		return {reason: 'not-a-sender', broken: `${name} is a ${kind} and sends nothing of its own`};
	}

	const own = arrival && lookup.interface(arrival.by.name);
	const flow = {to: destination, from: source, arrival: arrival?.by.name ?? 'lo'};
	if (lookup.has(destination)) {
		return own && !lookup.takesFrom(own, flow, 'lo') ? filtered(name, own, source) : 'there';
	}

	if (arrival && own?.forwards[destination.family] !== true) {
		return {reason: 'forwarding-off', broken: `${name} forwards nothing`};
	}

	const decision = lookup.decide(flow);
	if (!decision) {
		return {reason: 'no-route', broken: `${name} has no route to ${formatAddress(destination)}`};
	}

	if ('refusal' in decision) {
		return {reason: 'refused', broken: `${name} refuses what goes to ${formatAddress(destination)}, by a route of type ${decision.refusal}`};
	}

	if (own && !lookup.takesFrom(own, flow, decision.interface)) {
		return filtered(name, own, source);
	}

	return arrival && ttl <= 1 ? {reason: 'ttl', broken: `its TTL runs out at ${name}`} : decision;
}

function filtered(name: string, {name: by, rpFilter}: {readonly name: string; readonly rpFilter: string}, source: Address | undefined): Death {
	return {reason: 'reverse-path-filter', broken: `${name} drops what comes in by ${by} from ${source ? formatAddress(source) : 'nowhere'}: its reverse path filter (${rpFilter}) knows no way back there`};
}

type Crossing = {readonly by: InterfacePlan; readonly egress: Egress; readonly hop: Hop; readonly packet: Packet};

/** Over one segment or tunnel, to the station that takes it. */
function cross(ground: Ground, asker: Station, {by, egress, hop, packet}: Crossing): Death | {readonly beyond: readonly Hop[]} {
	const taker = by.tunnel === 'layer3' ? otherEnd(ground, by) : answerTo(
		{asker, by, egress, own: hop.arrival ? undefined : packet.source},
		() => ground.around(by, egress.next),
		() => ground.around(by),
	);
	if (typeof taker === 'string') {
		return {reason: 'no-answer', broken: taker};
	}

	const ttl = hop.arrival ? hop.ttl - 1 : hop.ttl;
	const tunnel = ground.tunnelOf(by);
	const beyond = ground.between(by, taker).flatMap((each): Hop[] => {
		const node = ground.node(each);
		const arrival = {by: each, source: by.mac, destination: taker.mac, ...tunnel ? {tunnel} : {}};
		return node ? [{node, arrival, ttl}] : [];
	});
	return beyond.length > 0 ? {beyond} : {reason: 'interface-down', broken: `no links that are up lead from ${by.node} to ${taker.node}`};
}

function otherEnd(ground: Ground, by: InterfacePlan): Answer {
	return ground.around(by)[0]?.by ?? `the other end of ${by.name} is down`;
}
