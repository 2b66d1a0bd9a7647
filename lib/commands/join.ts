/** `NODE join ROUTER`: a host comes to an edge router, or moves there, and all the others hear of it. */
import {groupsOf} from '../policy/listing.ts';
import {formatAddress} from '../util/address.ts';
import {type Warned, warned, warningLines} from './change.ts';
import type {Command} from './command.ts';
import {edgeNames, takeNode, takeNodeAmong} from './reading.ts';
import {hostWarnings} from './unguarded.ts';

export type JoinResult = Warned & {
	readonly host: string;
	readonly router: string;
	/** The edge router that it was at before; absent when it was at none. */
	readonly from?: string;
	/** Those that the others now know the way to. */
	readonly addresses: readonly string[];
	/** Edge routers that had not heard of it within 5 s. */
	readonly unaware: readonly string[];
	/** Milliseconds until all others had. */
	readonly time: number;
};

export const joinCommand: Command<{host: string; router: string}, JoinResult> = {
	name: 'NODE join',
	usage: 'NODE join ROUTER',
	kinds: ['host'],
	summary: 'link a host to an edge router, and let all the others know the way',
	details: [
		'It keeps its addresses, also when it comes from another edge router: then that link goes. Where the router has a switch at its side, the host is linked to that.',
		'Edge routers are those with the option bgp. Done when all of them have the route, or after 5 s; who does not have it by then is named.',
	].join('\n'),
	read(reader, scene) {
		const host = takeNode(reader, scene, 'host');
		const router = takeNodeAmong(reader, scene, () => edgeNames(scene), 'router');
		reader.finish();
		return {host, router};
	},
	async run(lab, {host, router}) {
		const {joins: [joined], unaware, time} = await lab.join({host, router});
		const result = {host, router, ...joined?.from === undefined ? {} : {from: joined.from}, addresses: joined?.addresses.map(formatAddress) ?? [], unaware, time};
		// Of a host that is in no group the rules say nothing.
		return warned(result, groupsOf(lab.policy, host).length > 0 ? hostWarnings(lab, host) : []);
	},
	text({host, router, from, addresses, unaware, time, warnings}) {
		return [`${host} ${from === undefined ? 'joined' : `moved from ${from} to`} ${router}: ${addresses.join(', ')}${spreadText(unaware, time)}`, ...warningLines({warnings})].join('\n');
	},
};

/** @param time milliseconds */
export function spreadText(unaware: readonly string[], time: number): string {
	return unaware.length > 0 ? `; not heard of it yet: ${unaware.join(', ')}` : ` (${Math.ceil(time)} ms)`;
}
