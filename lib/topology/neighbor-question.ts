/** Who gets a packet on a wire: the neighbour that answers when somebody asks for the next hop's address, by ARP or by neighbour discovery. */
import {type Address, formatAddress, sameAddress} from '../util/address.ts';
import type {InterfacePlan, NodePlan} from './blueprint.ts';
import type {Egress, RouteLookup} from './route-lookup.ts';
import type {InterfaceRouting} from './routing-plan.ts';

/** A host or router, and how it routes. */
export type Station = {readonly plan: NodePlan; readonly lookup: RouteLookup};

/** One that may hear the question, by one of its interfaces. */
export type Neighbor = Station & {readonly by: InterfacePlan};

export type Question = {
	readonly asker: Station;
	/** What it asks with. */
	readonly by: InterfacePlan;
	readonly egress: Egress;
	/** Source of the packet, where it is the asker's own. */
	readonly own: Address | undefined;
};

/** The interface that takes the packet, or who asked for what in vain. */
export type Answer = InterfacePlan | string;

/**
@param planned those whose plan has the address; they are asked first
@param all everybody on the wire but the asker; looked at only where none of the planned ones answers
*/
export function answerTo(question: Question, planned: () => readonly Neighbor[], all: () => readonly Neighbor[]): Answer {
	const {asker: {lookup}, by, egress: {next}} = question;
	const known = lookup.neighbor(by.name, next);
	if (!known) {
		return asked(question, planned, all);
	}

	const has = (each: Neighbor) => each.by.mac === known.mac;
	const taker = planned().find(has) ?? all().find(has);
	// What is learned is asked for again soon; where that is in vain too, it says more.
	const again = !taker && known.isLearned ? asked(question, planned, all) : undefined;
	return taker?.by ?? (typeof again === 'string' ? again : `${by.node} takes ${known.mac} for the MAC of ${formatAddress(next)}, and nobody around ${by.name} has it`);
}

function asked(question: Question, planned: () => readonly Neighbor[], all: () => readonly Neighbor[]): Answer {
	const {egress: {next}} = question;
	const asks = sourceOf(question);
	const owner = planned().find(each => owns(each, next) && hears(each, next, asks)) ?? all().find(each => owns(each, next) && hears(each, next, asks));
	return (owner ?? all().find(each => answersFor(each, next, asks)))?.by ?? silence(question, asks, all());
}

/** Linux asks from the source of a packet of its own, else from the address that fits best; from none when the node has none. */
function sourceOf({asker, by, egress: {next}, own}: Question): Address | undefined {
	return own ?? asker.lookup.nearest(by.name, next);
}

/** Whoever is asked for an IPv4 address of its own answers on any of its interfaces. */
function owns(neighbor: Neighbor, address: Address): boolean {
	return neighbor.lookup.has(address) && (address.family === 4 || !isElsewhere(neighbor, address));
}

/** Whether an IPv6 address stands on another interface. Link-local ones stand on none here. */
function isElsewhere({lookup, by}: Neighbor, address: Address): boolean {
	return lookup.routing.interfaces.some(each => each.name !== by.name && each.addresses.some(own => sameAddress(own.address, address)));
}

/** An ARP request is a packet to the reverse path filter. */
function hears({lookup, by}: Neighbor, next: Address, asks: Address | undefined): boolean {
	const own = lookup.interface(by.name);
	return own !== undefined && lookup.takesFrom(own, {to: next, from: asks, arrival: by.name}, 'lo');
}

/** In the place of another one, which the answerer reaches by another interface. */
function answersFor(neighbor: Neighbor, next: Address, asks: Address | undefined): boolean {
	const own = neighbor.lookup.interface(neighbor.by.name);
	if (!own?.forwards[next.family]) {
		return false;
	}

	return next.family === 6 ? own.proxies.some(each => sameAddress(each, next)) : own.proxyArp && notBeyond(neighbor, own, next, asks) === undefined;
}

/** Why it is nothing that the answerer reaches by another interface. */
function notBeyond({lookup}: Neighbor, own: InterfaceRouting, next: Address, asks: Address | undefined): string | undefined {
	const flow = {to: next, from: asks, arrival: own.name};
	const way = lookup.decide(flow);
	if (!way) {
		return `it has no route to ${formatAddress(next)}`;
	}

	if ('refusal' in way) {
		return `its route to ${formatAddress(next)} is of type ${way.refusal}`;
	}

	if (way.interface === own.name) {
		return `its route to ${formatAddress(next)} leads back out of ${own.name}`;
	}

	return lookup.takesFrom(own, flow, way.interface) ? undefined : `its reverse path filter (${own.rpFilter}) on ${own.name} knows no way back`;
}

/** The one thing that keeps a router from answering in the place of another; undefined when more is missing. */
function hindrance(neighbor: Neighbor, next: Address, asks: Address | undefined): string | undefined {
	const own = neighbor.lookup.interface(neighbor.by.name);
	if (!own || next.family === 6) {
		return undefined;
	}

	const settings = [...own.forwards[4] ? [] : ['it forwards nothing'], ...own.proxyArp ? [] : [`its proxyArp is off on ${own.name}`]];
	const [only, more] = settings.length > 1 ? settings : [...settings, notBeyond(neighbor, own, next, asks)].filter(each => each !== undefined);
	return only === undefined || more !== undefined ? undefined : `${neighbor.plan.name} would, but ${only}`;
}

function silence({by, egress: {next}}: Question, asks: Address | undefined, all: readonly Neighbor[]): string {
	const inVain = `${by.node} asks for ${formatAddress(next)} on ${by.name}${asks ? ` from ${formatAddress(asks)}` : ''}`;
	const deaf = all.find(each => owns(each, next));
	if (deaf) {
		const filter = deaf.lookup.interface(deaf.by.name)?.rpFilter;
		return `${inVain}, and ${deaf.plan.name} ignores it: its reverse path filter (${filter ?? 'off'}) on ${deaf.by.name} knows no way back`;
	}

	const reasons = all.flatMap(each => hindrance(each, next, asks) ?? []);
	return [`${inVain}, and nobody answers`, ...reasons].join('; ');
}
