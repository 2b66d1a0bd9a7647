/** Sessions of BGP between routers as they are planned: which are the same, which can be, and what they make of each router's neighbors. Pure. */
import type {BgpNeighbor} from '../services/gobgp-neighbor.ts';
import type {Session} from '../topology/bgp-sessions.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {Paths} from '../topology/paths.ts';
import {sameAddress} from '../util/address.ts';

/** There is one for each pair and family. */
export function keyOf({ends: [a, b]}: Session): string {
	return `${a.router} ${b.router} ${a.address.family}`;
}

export function isSame({ends: a}: Session, {ends: b}: Session): boolean {
	return a.every(({address}, index) => sameAddress(address, b[index]?.address ?? address));
}

export function hasAddresses({nodes}: Blueprint, {ends}: Session): boolean {
	return ends.every(({router, address}) => nodes.get(router)?.interfaces.some(({addresses}) => addresses.some(own => sameAddress(own.address, address))));
}

/** Whether packets get from each end of a session to the other: as it is planned, or else as it is at the moment. */
export function wayFinder(blueprint: Blueprint, look: () => Paths): (session: Session) => boolean {
	let [planned, live]: Array<Paths | undefined> = [];
	return session => hasWay(blueprint, session, planned ??= new Paths(blueprint)) || hasWay(blueprint, session, live ??= look());
}

function hasWay({nodes}: Blueprint, {ends: [a, b]}: Session, paths: Paths): boolean {
	return ([[a, b], [b, a]] as const).every(([own, other]) => {
		const from = nodes.get(own.router);
		return from !== undefined && paths.from(from, other.address).broken === undefined;
	});
}

/** Whom the sessions make a router's neighbors. */
export function neighborsOf(router: string, sessions: readonly Session[]): BgpNeighbor[] {
	return sessions.flatMap(({ends: [a, b], holdTime}) => {
		const [own, other] = a.router === router ? [a, b] : b.router === router ? [b, a] : [];
		return own && other ? [{address: other.address, as: other.as, localAddress: own.address, client: other.client, holdTime, description: other.router}] : [];
	});
}
