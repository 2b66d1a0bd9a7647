/** Which addresses stand for everybody on a link. */
import type {NodePlan} from '../topology/blueprint.ts';
import {compareAddresses, lastOf, networkOf} from '../util/address.ts';
import type {Address, InterfaceAddress} from '../util/address.ts';

/**
The broadcast addresses of all subnets that interfaces have, sorted, each once. One that is also the address of an interface
belongs to that interface alone: what is sent to it is judged as its.
*/
export function broadcastsOf(nodes: readonly NodePlan[]): Address[] {
	const given = nodes.flatMap(({interfaces}) => interfaces).flatMap(({addresses}) => addresses).filter(({address}) => address.family === 4);
	const taken = new Set(given.map(({address}) => address.value));
	const values = new Set(given.flatMap(subnetBroadcast).filter(value => !taken.has(value)));
	return [...values].map((value): Address => ({family: 4, value})).sort(compareAddresses);
}

/** The last address of an IPv4 subnet, and the first, which older hosts take for broadcast too (RFC 1122, 3.3.6). */
function subnetBroadcast(address: InterfaceAddress): bigint[] {
	const subnet = networkOf(address);
	return subnet.length < 31 ? [subnet.value, lastOf(subnet)] : [];
}
