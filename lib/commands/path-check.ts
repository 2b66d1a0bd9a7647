/** Asks the network whether an echo goes the way that configuration and policy say: who lets its TTL run out, and whether the answer comes. */
import type {Lab} from '../lab.ts';
import {trace} from '../network/trace.ts';
import type {Packet} from '../policy/evaluate.ts';
import type {Inventory} from '../policy/inventory.ts';
import type {ProbeResult} from '../probes/round.ts';
import type {Hop, Paths} from '../topology/paths.ts';
import {type Address, formatAddress} from '../util/address.ts';
import {probeFor} from './inquiry.ts';
import {type Ways, routersOf} from './path-ways.ts';

/** Who answered a packet of that TTL. */
export type TraceHop = {
	readonly ttl: number;
	/** Where its TTL should run out. */
	readonly node: string;
	/** Absent when nobody said so. */
	readonly answered?: Address;
	/** What is wrong with that. */
	readonly said?: string;
};

export type PathCheck = {
	readonly trace: readonly TraceHop[];
	/** Undefined where there is nobody to answer. */
	readonly probe: ProbeResult | undefined;
	/** What the network does otherwise, in sentences; empty when it agrees. */
	readonly differences: readonly string[];
};

/** The names of both ends, and a packet between them. */
export type Ends = {readonly from: string; readonly to: string | undefined; readonly packet: Packet};

/** @throws SecureNetError `interrupted` */
export async function checkWays({network, inventory}: Lab, paths: Paths, ways: Ways, {from, to, packet}: Ends, signal: AbortSignal): Promise<PathCheck> {
	const {source, destination} = packet;
	const routers = routersOf(ways.there).map((hop, index) => ({ttl: index + 1, hop, isExpected: isExpected(paths, inventory, ways, hop, source)}));
	const answers = await trace(network.node(from), destination, {source, ttls: routers.map(({ttl}) => ttl), expected: routers.filter(each => each.isExpected).map(({ttl}) => ttl), signal});
	const traced = routers.map(({ttl, hop, isExpected: wanted}): TraceHop => {
		const answer = answers.get(ttl);
		const expired = answer?.kind === 'expired' ? answer.from : undefined;
		const said = expired ? otherNode(paths, hop, expired) : wanted ? 'nobody says so' : undefined;
		return {ttl, node: hop.node.name, ...expired ? {answered: expired} : {}, ...said === undefined ? {} : {said}};
	});
	const {probe: send} = await import('../probes/round.ts');
	const result = to === undefined || from === to ? undefined : await send(network, probeFor({protocol: 'icmp'}, from, to, packet), {signal});
	return {trace: traced, probe: result, differences: [...traced.flatMap(differenceOf), ...result && !isAsSaid(ways, result) ? [`an echo: ${result.verdict}, ${result.reason}`] : []]};
}

/** A router where the packet does not die says so, when it knows a way back, and no firewall there may think otherwise: one that has not seen the packet takes an error for no part of a connection. */
function isExpected(paths: Paths, {devices}: Inventory, {there}: Ways, {node}: Hop, source: Address): boolean {
	const {hops, broken} = paths.from(node, source);
	const seen = new Set(there.hops.map(hop => hop.node.name));
	return !there.isGuarded && there.death?.node !== node.name && broken === undefined && hops.every(hop => hop.node === node || !devices.has(hop.node.name) || seen.has(hop.node.name));
}

/** An address that is nobody's, such as 192.0.0.8 of a router without any (RFC 7600), tells nothing. */
function otherNode(paths: Paths, {node}: Hop, answered: Address): string | undefined {
	const owner = paths.ownerOf(answered);
	return owner && owner.name !== node.name ? `${owner.name} (${formatAddress(answered)}) says so` : undefined;
}

function differenceOf({ttl, node, said}: TraceHop): string[] {
	return said === undefined ? [] : [`TTL ${ttl} should run out at ${node}, but ${said}`];
}

/** Only a packet that surely was kept back elsewhere contradicts a death. */
function isAsSaid({there, back}: Ways, {verdict, stopped}: ProbeResult): boolean {
	return there.death ? verdict !== 'allowed' && stopped !== 'answer' : back?.death ? verdict !== 'allowed' && stopped !== 'request' : verdict === 'allowed';
}
