/** Checks of BGP: numbers that the protocol has room for, neighbors that exist and can be reached, hosts that join a router where hosts can join. */
import {type Family, formatAddress, isLinkLocal, tryParseInterfaceAddress} from '../../util/address.ts';
import {nearestTo, printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import {texts} from '../addresses.ts';
import {addressFinder, edgesOf, hearing, sessionPairs} from '../bgp-sessions.ts';
import type {Blueprint, NodePlan} from '../blueprint.ts';
import type {Graph} from '../specs.ts';

/** RFC 6793: four bytes, and 0 is nobody's (RFC 7607). */
const largestAs = 0xFFFF_FFFF;
/** Seconds, of RFC 4271, 4.2. */
const holdTimes = {least: 3, most: 0xFFFF} as const;

/** Of problems between nodes: what a removal made of them is in the way of nothing that comes to one of the nodes. */
const subject = 'bgp';

export function checkBgpNumbers({nodes}: Graph, problems: Problems): void {
	const routers = edgeNames({nodes});
	for (const node of nodes) {
		const bgp = node.kind === 'router' ? node.options.bgp : undefined;
		if (!bgp) {
			continue;
		}

		if (!isWhole(bgp.as, 1, largestAs)) {
			problems.add(node.name, `its AS number is ${bgp.as}`, `Give a whole number from 1 to ${largestAs}, such as 65000, which is for private use`);
		}

		if (bgp.holdTime !== undefined && !isWhole(bgp.holdTime, holdTimes.least, holdTimes.most)) {
			problems.add(node.name, `its holdTime is ${bgp.holdTime}`, `Give whole seconds from ${holdTimes.least} to ${holdTimes.most}`);
		}

		for (const name of namedNeighbors(bgp.neighbors).filter(each => each === node.name || !routers.includes(each))) {
			problems.add(subject, `${node.name}'s neighbor "${printable(name)}" is no other router with bgp`, hintFor(name, routers.filter(each => each !== node.name)));
		}
	}
}

export function checkJoins({nodes}: Graph, problems: Problems): void {
	const routers = edgeNames({nodes});
	for (const node of nodes) {
		if (node.kind === 'host' && node.options.joins !== undefined && !routers.includes(node.options.joins)) {
			problems.add(subject, `${node.name} joins "${printable(node.options.joins)}", which is no router with bgp`, hintFor(node.options.joins, routers));
		}
	}
}

/** Neighbors without addresses to talk by. */
export function checkBgpPeers(blueprint: Blueprint, problems: Problems): void {
	const addresses = addressFinder(blueprint);
	for (const [a, b] of sessionPairs(blueprint)) {
		if (blueprint.settings.control !== 'controller' && !addresses(a, b, 4) && !addresses(a, b, 6)) {
			problems.add(subject, `${a.name} has no address to talk BGP to ${b.name} by`, 'Give both an address in a subnet that they share');
		}
	}
}

/** Among several edge routers one that talks to nobody. */
export function checkBgpSessions(blueprint: Blueprint, problems: Problems): void {
	const edges = edgesOf(blueprint);
	if (edges.length < 2 || blueprint.settings.control === 'controller') {
		return;
	}

	const talking = new Set(sessionPairs(blueprint).flat().map(({name}) => name));
	for (const {name, options: {bgp: {as}}} of edges.filter(edge => !talking.has(edge.name))) {
		const [other, ...more] = edges.filter(each => each.name !== name);
		const isAlone = ![other, ...more].some(each => each?.options.bgp.as === as);
		const reason = isAlone ? 'no other router of its AS, and none names it' : 'it names no neighbor, and none names it';
		problems.add(subject, `${name} has no BGP session: ${reason}`, `Give it neighbors: ['${other?.name ?? ''}']${isAlone ? `, or the AS ${other?.options.bgp.as ?? ''}` : ''}`);
	}
}

/** Hosts with addresses of a family that their router cannot tell the others of: everybody would wait for it in vain. */
export function checkJoinedFamilies(blueprint: Blueprint, problems: Problems): void {
	const edges = edgesOf(blueprint);
	const hears = hearing(blueprint);
	for (const node of blueprint.nodes.values()) {
		const router = node.kind === 'host' ? node.options.joins : undefined;
		for (const family of router === undefined ? [] : ([4, 6] as const)) {
			const own = firstOf(node, family);
			const deaf = edges.find(({name}) => name !== router && hears(router ?? '', name, family === 4 ? 6 : 4) && !hears(router ?? '', name, family));
			if (own !== undefined && deaf) {
				problems.add(node.name, `${deaf.name} cannot hear from ${printable(router ?? '')} where its address ${own} is: the two talk no IPv${family}`, `Give edge routers IPv${family} addresses on the links between them, or leave out ${own}`);
			}
		}
	}
}

/** Of a host that waits for its link, what it will have. */
function firstOf(node: NodePlan, family: Family): string | undefined {
	const said = node.kind === 'host' ? texts(node.options.ip).flatMap(text => tryParseInterfaceAddress(text) ?? []) : [];
	const found = [...node.interfaces.flatMap(({addresses}) => addresses), ...node.interfaces.length === 0 ? said : []].find(({address}) => address.family === family && !isLinkLocal(address));
	return found && formatAddress(found.address);
}

function edgeNames({nodes}: Pick<Graph, 'nodes'>): string[] {
	return nodes.filter(node => node.kind === 'router' && node.options.bgp !== undefined).map(({name}) => name);
}

function namedNeighbors(neighbors: string | readonly string[] | undefined): readonly string[] {
	return neighbors === undefined || neighbors === 'full-mesh' || neighbors === 'route-reflector' ? [] : [neighbors].flat();
}

function hintFor(name: string, routers: readonly string[]): string {
	return nearestTo(name, routers).hint.trim() || `Routers with bgp are ${routers.join(', ') || 'none'}`;
}

function isWhole(number: number, least: number, most: number): boolean {
	return Number.isInteger(number) && number >= least && number <= most;
}
