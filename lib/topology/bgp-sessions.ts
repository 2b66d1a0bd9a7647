/** Which routers of a blueprint have a BGP session with each other, and by which addresses. Pure. */
import {type Address, type Family, contains, networkOf} from '../util/address.ts';
import type {Blueprint, InterfacePlan, NodePlan} from './blueprint.ts';
import {DisjointSets} from './disjoint-sets.ts';
import {segmentsOf} from './segments.ts';
import type {BgpOptions} from './specs.ts';

/** A router that has `bgp`: hosts can join it. */
export type EdgePlan = NodePlan & {readonly kind: 'router'; readonly options: {readonly bgp: BgpOptions}};

export type SessionEnd = {
	readonly router: string;
	readonly as: number;
	/** By which the other end knows it. */
	readonly address: Address;
	/** A client of the other end, which is a route reflector. */
	readonly client: boolean;
};

/** One for each family in which the two have addresses. */
export type Session = {readonly ends: readonly [SessionEnd, SessionEnd]; /** Seconds, the shorter of both. */ readonly holdTime: number};

/** Seconds; the usual 90 would make a lab's user wait. */
const defaultHoldTime = 9;

/** In the order of the file. */
export function edgesOf({nodes}: Blueprint): EdgePlan[] {
	return [...nodes.values()].filter(isEdge);
}

export function isEdge(node: NodePlan | undefined): node is EdgePlan {
	return node?.kind === 'router' && node.options.bgp !== undefined;
}

/** Pairs of routers that shall have a session, whether or not they have addresses for one. */
export function sessionPairs(blueprint: Blueprint): Array<readonly [EdgePlan, EdgePlan]> {
	const edges = edgesOf(blueprint);
	return edges.flatMap((a, index) => edges.slice(index + 1).filter(b => areNeighbors(a, b)).map(b => [a, b] as const));
}

/** Several for two routers that have addresses of both families. */
export function sessionsOf(blueprint: Blueprint): Session[] {
	const addresses = addressFinder(blueprint);
	return sessionPairs(blueprint).flatMap(([a, b]) => ([4, 6] as const).flatMap(family => {
		const pair = addresses(a, b, family);
		return pair ? [{
			ends: [
				{router: a.name, as: a.options.bgp.as, address: pair[0], client: reflects(b, a)},
				{router: b.name, as: b.options.bgp.as, address: pair[1], client: reflects(a, b)},
			] as const,
			holdTime: Math.min(holdTimeOf(a), holdTimeOf(b)),
		}] : [];
	}));
}

/** Whether what one edge router announces in a family can get to another one, if all goes well: by BGP over sessions of that family, by a controller over addresses of it. */
export function hearing(blueprint: Blueprint): (from: string, to: string, family: Family) => boolean {
	const joined = {4: new DisjointSets(), 6: new DisjointSets()} as const;
	for (const {ends: [a, b]} of blueprint.settings.control === 'controller' ? addressPairs(blueprint) : sessionsOf(blueprint)) {
		joined[a.address.family].join(a.router, b.router);
	}

	return (from, to, family) => joined[family].find(from) === joined[family].find(to);
}

function addressPairs(blueprint: Blueprint): Array<{readonly ends: readonly [Pick<SessionEnd, 'router' | 'address'>, Pick<SessionEnd, 'router' | 'address'>]}> {
	const addresses = addressFinder(blueprint);
	const edges = edgesOf(blueprint);
	return edges.flatMap((a, index) => edges.slice(index + 1).flatMap(b => ([4, 6] as const).flatMap(family => {
		const pair = addresses(a, b, family);
		return pair ? [{ends: [{router: a.name, address: pair[0]}, {router: b.name, address: pair[1]}] as const}] : [];
	})));
}

function areNeighbors(a: EdgePlan, b: EdgePlan): boolean {
	const sameAs = a.options.bgp.as === b.options.bgp.as;
	return names(a, b) || names(b, a) || (sameAs && (isReflector(a) || isReflector(b) || (isMeshed(a) && isMeshed(b))));
}

function names({options: {bgp: {neighbors}}}: EdgePlan, other: EdgePlan): boolean {
	return Array.isArray(neighbors) && neighbors.includes(other.name);
}

function isMeshed({options: {bgp: {neighbors = 'full-mesh'}}}: EdgePlan): boolean {
	return neighbors === 'full-mesh';
}

function isReflector({options: {bgp: {neighbors}}}: EdgePlan): boolean {
	return neighbors === 'route-reflector';
}

/** Two reflectors of one AS tell each other what they hear, and are nobody's clients. */
function reflects(reflector: EdgePlan, client: EdgePlan): boolean {
	return isReflector(reflector) && !isReflector(client) && reflector.options.bgp.as === client.options.bgp.as;
}

function holdTimeOf({options: {bgp: {holdTime = defaultHoldTime}}}: EdgePlan): number {
	return holdTime;
}

type AddressFinder = (a: NodePlan, b: NodePlan, family: Family) => readonly [Address, Address] | undefined;

/** By which addresses two nodes reach each other: those in a subnet on a wire that they share, else the first one of each, to which routes must lead. */
export function addressFinder(blueprint: Blueprint): AddressFinder {
	const segments = segmentsOf(blueprint);
	return (a, b, family) => {
		for (const near of a.interfaces) {
			const far = (segments.get(near) ?? []).filter(({node}) => node === b.name);
			const pair = far.map(each => commonSubnet(near, each, family)).find(found => found !== undefined);
			if (pair) {
				return pair;
			}
		}

		const [own, other] = [firstAddress(a, family), firstAddress(b, family)];
		return own && other ? [own, other] : undefined;
	};
}

function commonSubnet(near: InterfacePlan, far: InterfacePlan, family: Family): readonly [Address, Address] | undefined {
	for (const own of near.addresses.filter(({address}) => address.family === family)) {
		const other = far.addresses.find(({address}) => contains(networkOf(own), address));
		if (other) {
			return [own.address, other.address];
		}
	}

	return undefined;
}

function firstAddress({interfaces}: NodePlan, family: Family): Address | undefined {
	return interfaces.flatMap(({addresses}) => addresses).find(({address}) => address.family === family)?.address;
}
