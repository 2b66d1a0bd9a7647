/** All connections that a device tracks, those too that no policy made, each in the direction of the packet that made it. */
import {type TrackedConnection, listConnections} from '../kernel/conntrack.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {listSwitchConnections} from '../kernel/switch-conntrack.ts';
import type {DeviceEntry} from '../policy/inventory.ts';
import {turned} from './made-connections.ts';

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
