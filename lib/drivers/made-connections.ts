/** The connections that a policy made in a namespace's tracker: told in the direction that was judged, cut in the one that the kernel knows. */
import {deleteConnections, listConnections} from '../kernel/conntrack.ts';
import type {TrackedConnection} from '../kernel/conntrack.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {madeBackwards, madeByPolicy} from './driver.ts';

/** Each in the direction of the packet that made it. */
export async function madeConnections(namespace: Namespace): Promise<TrackedConnection[]> {
	return (await listConnections(namespace, {mark: {value: madeByPolicy, mask: madeByPolicy}})).map(turned);
}

/** @param connections as `madeConnections` tells them @throws ConnectionsError */
export function cutConnections(namespace: Namespace, connections: readonly TrackedConnection[]): void {
	deleteConnections(namespace, connections.map(turned));
}

/**
The other direction's view of a connection that was made backwards: twice is none. An ICMP connection never is, for what
answers a request opens none.
*/
export function turned(connection: TrackedConnection): TrackedConnection {
	if ((connection.mark & madeBackwards) === 0) {
		return connection;
	}

	const {source, destination, sport, dport} = connection;
	const ports = sport === undefined || dport === undefined ? {} : {sport: dport, dport: sport};
	return {...connection, source: destination, destination: source, ...ports};
}
