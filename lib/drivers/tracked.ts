/** All connections that a device tracks, those too that no policy made, each in the direction of the packet that made it. */
import {type TrackedConnection, deleteConnections, listConnections} from '../kernel/conntrack.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {datapath} from '../kernel/capabilities.ts';
import {deleteSwitchConnections, listSwitchConnections} from '../kernel/switch-conntrack.ts';
import type {Packet} from '../policy/evaluate.ts';
import type {DeviceEntry} from '../policy/inventory.ts';
import type {Address} from '../util/address.ts';
import {turned} from './made-connections.ts';
import {openingOf} from './revocation.ts';

/** Where the devices of a lab are to be found. */
export type Places = {
	/** A perimeter router's own; of a switch or bridge the one they are all in. */
	readonly namespaceOf: (device: string) => Namespace;
	/** Of the lab's Open vSwitch. */
	readonly runDirectory: string;
};

type Device = Pick<DeviceEntry, 'name' | 'kind' | 'zone'>;

/** Those of each device. Switches of a lab share a tracker, and so do bridges; each has a zone of its own there. Such a tracker is listed once. */
export async function trackedOn<Entry extends Device>(devices: readonly Entry[], {namespaceOf, runDirectory}: Places): Promise<Map<Entry, readonly TrackedConnection[]>> {
	const [bridge] = devices.filter(({kind}) => kind === 'bridge');
	const ofBridges = bridge ? await listConnections(namespaceOf(bridge.name)) : [];
	const ofSwitches = devices.some(({kind}) => kind === 'switch') ? await listSwitchConnections({runDirectory}) : new Map<number, TrackedConnection[]>();
	return new Map(await Promise.all(devices.map(async (device): Promise<[Entry, readonly TrackedConnection[]]> => {
		switch (device.kind) {
			case 'switch':
				return [device, ofSwitches.get(device.zone) ?? []];
			case 'bridge':
				return [device, ofBridges.filter(({zone}) => zone === device.zone).map(turned)];
			case 'perimeter':
				return [device, (await listConnections(namespaceOf(device.name))).map(turned)];
		}
	})));
}

/** Devices know nothing any more of the connections of these packets, whichever end began them and whoever let them pass: the next packet of each is a first one. */
export async function forgetOn(devices: readonly Device[], places: Places, packets: readonly Packet[]): Promise<void> {
	const known = new Set(packets.flatMap(packet => [keyOf(packet), keyOf({...packet, sport: 0, dport: 0})]));
	await Promise.all([...await trackedOn(devices, places)].map(async ([device, connections]) => {
		await deleteOn(device, places, connections.filter(connection => known.has(keyOf(openingOf(connection)))));
	}));
}

async function deleteOn({name, kind, zone}: Device, {namespaceOf, runDirectory}: Places, connections: readonly TrackedConnection[]): Promise<void> {
	if (kind === 'switch' && datapath() !== 'system') {
		await deleteSwitchConnections({runDirectory, name}, zone, connections);
	} else {
		// A switch marks nothing as made backwards.
		deleteConnections(namespaceOf(name), kind === 'switch' ? connections : connections.map(turned));
	}
}

/** The connection, whichever of its ends sees it. A tracker that knows no ports of its protocol tells none, or 0. */
function keyOf({protocol, source, destination, sport, dport}: Packet): string {
	const [here, there] = [endOf(source, sport), endOf(destination, dport)];
	return here < there ? `${protocol} ${here} ${there}` : `${protocol} ${there} ${here}`;
}

function endOf({family, value}: Address, port = 0): string {
	return `${family} ${value} ${port}`;
}
