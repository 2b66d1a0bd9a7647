/** All connections that a device tracks, those too that no policy made, each in the direction of the packet that made it. */
import {type TrackedConnection, deleteConnections, listConnections} from '../kernel/conntrack.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {datapath} from '../kernel/capabilities.ts';
import {deleteSwitchConnections, listSwitchConnections} from '../kernel/switch-conntrack.ts';
import type {Packet} from '../policy/evaluate.ts';
import type {DeviceEntry} from '../policy/inventory.ts';
import {turned} from './made-connections.ts';
import {openingOf} from './revocation.ts';

/** Where devices are to be found. */
export type Place = {
	/** The device's own; of a switch or bridge the one they are all in. */
	readonly namespace: Namespace;
	/** Of the lab's Open vSwitch. */
	readonly runDirectory: string;
};

/** Switches and bridges of a lab share a tracker, in which each has a zone of its own. */
export async function trackedOn({kind, zone}: Pick<DeviceEntry, 'kind' | 'zone'>, {namespace, runDirectory}: Place): Promise<TrackedConnection[]> {
	switch (kind) {
		case 'switch':
			return (await listSwitchConnections({runDirectory})).get(zone) ?? [];
		case 'bridge':
			return (await listConnections(namespace)).filter(each => each.zone === zone).map(turned);
		case 'perimeter':
			return (await listConnections(namespace)).map(turned);
	}
}

/** A device knows nothing any more of the connections of these packets, whichever end began them and whoever let them pass: the next packet of each is a first one. */
export async function forgetOn(entry: Pick<DeviceEntry, 'name' | 'kind' | 'zone'>, place: Place, packets: readonly Packet[]): Promise<void> {
	const known = new Set(packets.flatMap(packet => [...keysOf(packet), ...keysOf({...packet, sport: 0, dport: 0})]));
	const meant = (await trackedOn(entry, place)).filter(connection => known.has(keysOf(openingOf(connection))[0]));
	if (entry.kind === 'switch' && datapath() !== 'system') {
		await deleteSwitchConnections({runDirectory: place.runDirectory, name: entry.name}, entry.zone, meant);
	} else {
		deleteConnections(place.namespace, meant.map(turned));
	}
}

/** The connection as each of its ends sees it. A tracker that knows no ports of its protocol tells none, or 0. */
function keysOf({protocol, source, destination, sport, dport}: Packet): [string, string] {
	const [here, there] = [[source, sport] as const, [destination, dport] as const].map(([{family, value}, port]) => `${family} ${value} ${port ?? 0}`);
	return [`${protocol} ${here ?? ''} > ${there ?? ''}`, `${protocol} ${there ?? ''} > ${here ?? ''}`];
}
