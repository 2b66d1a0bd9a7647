/** Answers that come another way than their request went: which enforcement points on it know nothing of the connection. */
import type {Blueprint, NodePlan} from '../topology/blueprint.ts';
import {answerTo} from './answers.ts';
import type {Packet, Verdict} from './evaluate.ts';
import {type Point, pointsOf} from './fates.ts';
import type {Inventory} from './inventory.ts';
import type {Paths} from '../topology/paths.ts';

export type Exchange = {readonly sender: NodePlan; readonly receiver: NodePlan; /** The request. */ readonly packet: Packet};
export type Surroundings = {readonly evaluate: (packet: Packet) => Verdict; readonly paths: Paths; readonly inventory: Inventory; readonly blueprint: Pick<Blueprint, 'links'>};

/** The firewalls that keep the answer to a request back, because it takes another way and no rule allows it by itself. */
export function straysOf({sender, receiver, packet}: Exchange, {evaluate, paths, inventory, blueprint}: Surroundings): string[] {
	const [verdict, back] = [evaluate(packet), answerTo(packet)];
	const backVerdict = evaluate(back);
	if (!verdict.stateful || backVerdict.action === 'allow' || ![...inventory.devices.values()].some(({kind}) => kind === 'perimeter')) {
		return [];
	}

	const points = (from: NodePlan, each: Packet, judged: Verdict) => pointsOf(paths.from(from, each.destination), each, judged, inventory);
	return unawareOf(points(sender, packet, verdict), points(receiver, back, backVerdict), blueprint);
}

/**
A connection is known where its request has passed, and to firewalls that are told of it by one of those. Only firewalls are asked
about: routes say by which of them a packet goes, and of several ways around switches a path is just one.

@param request where the request passes
@param answer where its answer comes by
@returns names of those of `answer` that must take it for a packet of no connection
*/
export function unawareOf(request: readonly Point[], answer: readonly Point[], {links}: Pick<Blueprint, 'links'>): string[] {
	const aware = new Set(request.map(nameOf));
	const told = links
		.filter(({stateSync}) => stateSync === true)
		.map(({ends}) => ends.map(({node}) => node))
		.filter(pair => pair.some(name => aware.has(name)));
	const all = new Set([...aware, ...told.flat()]);
	return answer.filter(({kind}) => kind === 'perimeter').map(nameOf).filter(name => !all.has(name));
}

function nameOf({hop}: Point): string {
	return hop.node.name;
}
