/** What becomes of a packet at each enforcement point of its path. All of them give the same verdict; what each does about it depends on where it stands. */
import type {Packet, Verdict} from './evaluate.ts';
import {type DeviceKind, type Inventory, domainOf, isParted} from './inventory.ts';
import type {Hop, Path} from '../topology/paths.ts';

/** `passes` to the next point, also what a later one will answer; `rejects` by an answer; after a point that keeps it back the others are `beyond` its reach. */
export type Fate = 'passes' | 'drops' | 'rejects' | 'beyond';

export type Point = {readonly hop: Hop; readonly kind: DeviceKind; readonly fate: Fate};

export function pointsOf(path: Path, packet: Packet, verdict: Verdict, inventory: Inventory): Point[] {
	const points = path.hops.flatMap(hop => {
		const kind = inventory.devices.get(hop.node.name)?.kind;
		return kind === undefined || (kind === 'perimeter' && isEnd(hop, path)) ? [] : [{hop, kind}];
	});
	const isAnswerable = verdict.action === 'reject' && isParted(domainOf(inventory, packet.source), domainOf(inventory, packet.destination));
	const end = points.findIndex(({kind}) => verdict.action !== 'allow' && !(isAnswerable && kind !== 'perimeter'));
	return points.map((point, index) => ({...point, fate: end === -1 || index < end ? 'passes' : index > end ? 'beyond' : verdict.action === 'reject' && point.kind === 'perimeter' ? 'rejects' : 'drops'}));
}

/** A router judges what it forwards, not what it sends and gets itself. */
function isEnd({node}: Hop, {hops, broken}: Path): boolean {
	return node === hops[0]?.node || (broken === undefined && node === hops.at(-1)?.node);
}
