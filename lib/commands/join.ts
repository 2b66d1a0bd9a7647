/** `NODE join ROUTER`: a host comes to an edge router, or moves there, and all the others hear of it. */
import {formatAddress} from '../util/address.ts';
import type {Command} from './command.ts';
import {takeNode} from './reading.ts';

export type JoinResult = {
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
	summary: 'link a host to an edge router, and let all the others know the way',
	details: [
		'It keeps its addresses, also when it comes from another edge router: then that link goes. Where the router has a switch at its side, the host is linked to that.',
		'Edge routers are those with the option bgp. Done when all of them have the route, or after 5 s; who does not have it by then is named.',
	].join('\n'),
	read(reader, scene) {
		const host = takeNode(reader, scene, 'host');
		const router = takeNode(reader, scene, 'router');
		reader.finish();
		return {host, router};
	},
	async run(lab, {host, router}) {
		const {joins: [joined], unaware, time} = await lab.join({host, router});
		return {host, router, ...joined?.from === undefined ? {} : {from: joined.from}, addresses: joined?.addresses.map(formatAddress) ?? [], unaware, time};
	},
	text({host, router, from, addresses, unaware, time}) {
		return `${host} ${from === undefined ? 'joined' : `moved from ${from} to`} ${router}: ${addresses.join(', ')}${spreadText(unaware, time)}`;
	},
};

/** @param time milliseconds */
export function spreadText(unaware: readonly string[], time: number): string {
	return unaware.length > 0 ? `; not heard of it yet: ${unaware.join(', ')}` : ` (${Math.ceil(time)} ms)`;
}
