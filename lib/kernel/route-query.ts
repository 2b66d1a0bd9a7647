/** Asks the kernel which way a packet would take: of several next hops it knows which one a flow gets. See ip-route(8), `get`. */
import {type Address, addressBytes, fromBytes, width} from '../util/address.ts';
import {type Namespace, inside} from './namespace.ts';
import {Attributes} from './netlink-attributes.ts';
import type {NextHop} from './route.ts';
import {NETLINK_ROUTE, Request, headerLength, openSocket, rtm} from './rtnetlink.ts';
import {AF_INET, AF_INET6, close, recv, send} from './syscall.ts';

/** Attributes of linux/rtnetlink.h. */
const rta = {destination: 1, source: 2, arrival: 3, interface: 4, gateway: 5, protocol: 27} as const;
/** An echo, which IPv6 counts among what tells flows apart (linux/in.h, linux/in6.h). */
const icmp = {4: 1, 6: 58} as const;
/** Bytes of struct rtmsg. */
const routeHeaderLength = 12;
const answer = Buffer.alloc(1 << 14);

export type Query = {
	readonly to: Address;
	readonly from?: Address | undefined;
	/** Index of the interface that the packet comes in by; absent for the node's own. */
	readonly arrival?: number | undefined;
};

/** Undefined when the kernel would not let it pass. Equivalent to: `ip route get TO from FROM iif NAME ipproto icmp` */
export function queryRoute(namespace: Namespace, {to, from, arrival}: Query): NextHop | undefined {
	const fd = inside(namespace, () => openSocket(NETLINK_ROUTE));
	try {
		const request = new Request();
		request.begin(rtm.getRoute, 0, 1);
		request.fixed(routeHeaderLength, header => {
			header[0] = to.family === 4 ? AF_INET : AF_INET6;
			header[1] = width(to.family);
			header[2] = from ? width(to.family) : 0;
		});
		request.attribute(rta.destination, addressBytes(to)).attribute(rta.protocol, Uint8Array.of(icmp[to.family]));
		if (from) {
			request.attribute(rta.source, addressBytes(from));
		}

		if (arrival !== undefined) {
			request.attribute(rta.arrival, arrival);
		}

		request.end();
		send(fd, request.bytes, request.length);
		const length = recv(fd, answer);
		return answer.readUInt16LE(4) === rtm.newRoute ? readHop(answer.subarray(headerLength, length)) : undefined;
	} finally {
		close(fd);
	}
}

function readHop(payload: Buffer): NextHop {
	const attributes = new Attributes(payload, routeHeaderLength);
	const gateway = attributes.bytes(rta.gateway);
	return {interface: attributes.hostNumber(rta.interface), ...gateway.length > 0 ? {via: fromBytes(gateway)} : {}};
}
