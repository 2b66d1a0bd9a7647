/** Answers that come another way than their request went: which enforcement points on it know nothing of the connection. */
import type {Blueprint} from '../topology/blueprint.ts';
import type {Point} from './fates.ts';

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
