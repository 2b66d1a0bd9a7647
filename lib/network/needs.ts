/** What a blueprint needs of this machine before anything of it is made: programs, free names, room in the neighbour table. */
import {type FirewallName, firewallOf} from '../topology/firewalls.ts';
import {existsSync} from 'node:fs';
import {namespaceDirectory, namespacePath} from '../kernel/namespace.ts';
import {requireShaping} from '../link/shaping.ts';
import type {Blueprint, InterfacePlan} from '../topology/blueprint.ts';
import {KernelError} from '../util/errors.ts';
import {neighborLimits, raiseSettings} from './host-settings.ts';
import {neighborCount} from './neighbors.ts';
import {fabricNamespace, nodeNamespace} from './paths.ts';
import {isSwitching} from './portions.ts';

/** Stands for the fabric where namespaces are kept by node name. */
export const fabricKey = '-fabric';
/** A lab this small fits into what the kernel allows by default (gc_thresh3, 1024), beside the host and other small labs. */
const spareNeighbors = 128;
const neighborReserve = 4096;

/** What drivers need besides; those for Open vSwitch need what the switches need. */
const programsOf: Partial<Readonly<Record<FirewallName, readonly string[]>>> = {
	'iptables-perimeter': ['iptables-restore', 'ip6tables-restore', 'ipset'],
	'nftables-perimeter': ['nft'],
	'nftables-bridge': ['nft'],
};

/** Names for `requireCapabilities`. */
export function neededCapabilities({nodes, links}: Blueprint): string[] {
	const plans = [...nodes.values()];
	return [
		'root',
		...(plans.some(({kind}) => kind === 'switch') ? ['ovsdb-server', 'ovs-vswitchd', 'ovs-ofctl'] : []),
		...[...new Set(plans.flatMap(plan => firewallOf(plan) ?? []))].flatMap(name => programsOf[name] ?? []),
		...(links.some(({stateSync}) => stateSync) ? ['conntrackd'] : []),
	];
}

/** The kernel is asked only when a link is shaped. @throws MachineError */
export async function requireShapedLinks({links}: Blueprint): Promise<void> {
	const shaped = links.find(({ends}) => ends.some(({shaping}) => shaping));
	if (shaped) {
		await requireShaping(shaped.ends.map(({node}) => node).join(' - '));
	}
}

/** Node name to namespace, of hosts, routers and the fabric. */
export function namespaceNames(lab: string, {nodes}: Blueprint): Record<string, string> {
	const stations = [...nodes.values()].filter(plan => !isSwitching(plan));
	return {[fabricKey]: fabricNamespace(lab), ...Object.fromEntries(stations.map(({name}) => [name, nodeNamespace(lab, name)]))};
}

/**
What the journal names is taken away later, so a namespace that somebody else made must not get into it.

@throws KernelError EEXIST
*/
export function refuseTaken(namespaces: readonly string[]): void {
	const taken = namespaces.find(name => existsSync(namespacePath(name)));
	if (taken !== undefined) {
		throw new KernelError('new namespace', 'EEXIST', taken, {reason: 'somebody else made it; choose another lab name with --name', place: namespaceDirectory});
	}
}

/** Without permanent entries everyone may ask for everyone in the segment, in a table that all namespaces share. */
export function makeRoomForNeighbors(lab: string, blueprint: Blueprint): void {
	const needed = neighborCount(blueprint);
	if (needed > spareNeighbors) {
		raiseSettings(lab, neighborLimits, needed + neighborReserve);
	}
}

/** Interfaces whose other end is a port of an Open vSwitch. */
export function facingSwitches({nodes, links}: Blueprint): Set<InterfacePlan> {
	return new Set(links.flatMap(({ends: [a, b]}) => [
		...(nodes.get(b.node)?.kind === 'switch' ? [a] : []),
		...(nodes.get(a.node)?.kind === 'switch' ? [b] : []),
	]));
}
