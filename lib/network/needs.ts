/** What a blueprint needs of this machine before anything of it is made: programs, free names, room in the neighbour table. */
import {type FirewallName, firewallOf} from '../topology/firewalls.ts';
import {existsSync} from 'node:fs';
import {capabilities} from '../kernel/capabilities.ts';
import {namespaceDirectory, namespacePath} from '../kernel/namespace.ts';
import {hasTun} from '../kernel/tun.ts';
import {hasTunnels} from '../kernel/tunnel-link.ts';
import {requireShaping} from '../link/shaping.ts';
import {isEdge} from '../topology/bgp-sessions.ts';
import type {Blueprint, InterfacePlan} from '../topology/blueprint.ts';
import {overheadOf} from '../topology/tunnels.ts';
import {KernelError, MachineError} from '../util/errors.ts';
import {neighborLimits, raiseSettings} from './host-settings.ts';
import {neighborCount} from './neighbors.ts';
import {fabricNamespace, nodeNamespace, stateDirectory} from './paths.ts';
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
export function neededCapabilities({settings, nodes, links, tunnels}: Blueprint): string[] {
	const plans = [...nodes.values()];
	return [
		'root',
		...(plans.some(({kind}) => kind === 'switch') ? ['ovsdb-server', 'ovs-vswitchd', 'ovs-ofctl'] : []),
		...[...new Set(plans.flatMap(plan => firewallOf(plan) ?? []))].flatMap(name => programsOf[name] ?? []),
		...(links.some(({stateSync}) => stateSync) ? ['conntrackd'] : []),
		...(settings.control !== 'controller' && plans.some(isEdge) ? ['gobgpd'] : []),
		...(tunnels.some(({via}) => via === 'ssh') ? ['ssh', 'sshd', 'ssh-keygen'] : []),
		...(tunnels.some(tunnel => overheadOf(tunnel) > 0) ? ['nft'] : []),
	];
}

/** The kernel is asked only when a link is shaped. @throws MachineError */
export async function requireShapedLinks({links}: Pick<Blueprint, 'links'>): Promise<void> {
	const shaped = links.find(({ends}) => ends.some(({shaping}) => shaping));
	if (shaped) {
		await requireShaping(shaped.ends.map(({node}) => node).join(' - '));
	}
}

/** What tunnels need of the kernel: its own, or devices that programs carry. The kernel is asked only when there are some. @throws MachineError */
export async function requireTunnels({tunnels}: Pick<Blueprint, 'tunnels'>): Promise<void> {
	for (const {via, ends} of tunnels) {
		const [feature, isThere] = via === 'vxlan' ? ['vxlan', hasTunnels('vxlan')] as const : ['tun', (via === 'gre' && hasTunnels('gre')) || hasTun()] as const;
		if (!isThere) {
			await refuse(`Tunnel ${ends.map(end => end.interface.node).join(' - ')} cannot be made.`, feature);
		}
	}
}

/** @throws MachineError with the sentence for a feature that is missing */
async function refuse(what: string, feature: string): Promise<never> {
	const missing = (await capabilities()).find(({name}) => name === feature);
	throw new MachineError('machine', `${what} ${missing?.detail ?? ''} ${missing?.cure ?? ''}`.trimEnd());
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
		throw new KernelError('new namespace', 'EEXIST', taken, {reason: `somebody else made it, or a lab whose files in ${stateDirectory} are gone: choose another lab name with --name, or end what "ip netns pids ${taken}" shows and run "ip netns delete ${taken}"`, place: namespaceDirectory});
	}
}

/**
Without permanent entries everyone may ask for everyone in the segment, in a table that all namespaces share.

@param room entries that the lab has room for already
@returns entries that it has room for now: more than it needs, since a lab that grows would ask again and again
*/
export function makeRoomForNeighbors(lab: string, blueprint: Blueprint, room = spareNeighbors): number {
	const needed = neighborCount(blueprint);
	if (needed <= room) {
		return room;
	}

	const more = Math.max(needed, 2 * room);
	raiseSettings(lab, neighborLimits, more + neighborReserve);
	return more;
}

/** Interfaces whose other end is a port of an Open vSwitch. */
export function facingSwitches({nodes, links}: Blueprint): Set<InterfacePlan> {
	return new Set(links.flatMap(({ends: [a, b]}) => [
		...(nodes.get(b.node)?.kind === 'switch' ? [a] : []),
		...(nodes.get(a.node)?.kind === 'switch' ? [b] : []),
	]));
}
