/** How much interfaces have sent and received, as the kernel counts it. */
import type {Namespace} from './namespace.ts';
import {Attributes} from './netlink-attributes.ts';
import {dump} from './netlink-dump.ts';
import {NETLINK_ROUTE, rtm} from './rtnetlink.ts';

/** Attributes of linux/if_link.h; struct rtnl_link_stats64 is a row of 64-bit numbers. */
const ifla = {stats64: 23} as const;
const headerLength = 16;

export type LinkCounters = {
	readonly receivedPackets: number;
	readonly sentPackets: number;
	readonly receivedBytes: number;
	readonly sentBytes: number;
};

/**
By interface index. Equivalent to: `ip -netns NAMESPACE -statistics link`

@throws KernelError
*/
export function linkCounters(namespace: Namespace): Map<number, LinkCounters> {
	return new Map(dump(namespace, {
		protocol: NETLINK_ROUTE,
		type: rtm.getLink,
		object: 'links',
		fill(request) {
			request.fixed(headerLength, () => undefined);
		},
		read(payload) {
			const stats = new Attributes(payload, headerLength).bytes(ifla.stats64);
			const [receivedPackets, sentPackets, receivedBytes, sentBytes] = [0, 8, 16, 24].map(at => Number(stats.readBigUInt64LE(at)));
			return [payload.readInt32LE(4), {receivedPackets, sentPackets, receivedBytes, sentBytes} as LinkCounters] as const;
		},
	}));
}
