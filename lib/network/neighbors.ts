/** Who is whose neighbour: permanent entries for `--arp`, and how large the host's neighbour table must be without them. */
import type {Neighbor} from '../node/configure.ts';
import {addNeighbor, deleteNeighbor} from '../kernel/neighbor.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import type {Interface} from '../link/interface.ts';
import type {Blueprint, InterfacePlan} from '../topology/blueprint.ts';
import {type Segment, segmentsOf} from '../topology/segments.ts';
import type {InterfaceAddress, Mac} from '../util/address.ts';

/** For each node and interface: every other address of its segment. Grows with the square of a segment's interfaces. */
export function permanentNeighbors(blueprint: Blueprint): Map<string, Map<string, Neighbor[]>> {
	const neighbors = new Map<string, Map<string, Neighbor[]>>();
	for (const segment of distinctSegments(blueprint)) {
		const entries = segment.flatMap(({node, mac, addresses}) => addresses.map(({address}) => ({node, address, mac})));
		for (const {node, name} of segment) {
			const others = entries.filter(entry => entry.node !== node);
			const byInterface = neighbors.get(node) ?? new Map<string, Neighbor[]>();
			neighbors.set(node, byInterface.set(name, others));
		}
	}

	return neighbors;
}

/** Interfaces that come and those around them get permanent entries for each other. @throws RtnetlinkError */
export function teachNeighbors(blueprint: Blueprint, interfaces: ReadonlyMap<InterfacePlan, Interface>, coming: ReadonlySet<InterfacePlan>): void {
	const segments = segmentsOf(blueprint);
	const around = new Set([...coming].flatMap(plan => segments.get(plan) ?? []));
	for (const plan of around) {
		const others = (segments.get(plan) ?? []).filter(other => other.node !== plan.node && (coming.has(plan) || coming.has(other)));
		change(interfaces.get(plan), others, (rtnetlink, index, {address}, mac) => {
			addNeighbor(rtnetlink, index, address, mac);
		});
	}
}

/** Interfaces that stay forget those that were around them and are no more. @throws RtnetlinkError */
export function forgetNeighbors(before: Blueprint, interfaces: ReadonlyMap<InterfacePlan, Interface>): void {
	for (const [plan, segment] of segmentsOf(before)) {
		change(interfaces.get(plan), segment.filter(other => other.node !== plan.node && !interfaces.has(other)), (rtnetlink, index, {address}) => {
			deleteNeighbor(rtnetlink, index, address);
		});
	}
}

type Deed = (rtnetlink: Rtnetlink, index: number, address: InterfaceAddress, mac: Mac) => void;

function change(end: Interface | undefined, others: readonly InterfacePlan[], deed: Deed): void {
	if (end && others.length > 0) {
		using rtnetlink = new Rtnetlink(end.namespace);
		for (const {addresses, mac} of others) {
			for (const address of addresses) {
				deed(rtnetlink, end.index, address, mac);
			}
		}

		rtnetlink.flushExcept('ENOENT');
	}
}

/** Entries the kernel's one neighbour table holds when everyone has talked to everyone in the same segment. */
export function neighborCount(blueprint: Blueprint): number {
	return distinctSegments(blueprint).reduce((total, segment) => total + (segment.length * (segment.length - 1)), 0);
}

function distinctSegments(blueprint: Blueprint): Segment[] {
	return [...new Set(segmentsOf(blueprint).values())];
}
