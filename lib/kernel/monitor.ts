/** Changes of a namespace's links and routes as they happen, by the netlink package: the one thing our own rtnetlink does not do is listen. */
import {readdirSync, readlinkSync} from 'node:fs';
import {createRequire} from 'node:module';
import type * as Netlink from 'netlink';
import {type Namespace, inside} from './namespace.ts';
import {type InstalledRoute, readRoute} from './route.ts';
import {SOL_SOCKET, SO_RCVBUFFORCE, setSocketOption} from './syscall.ts';

/** The state of a link after a change; one that is deleted is down. */
export type LinkState = {
	/** Interface index. */
	readonly index: number;
	/** Administratively up (IFF_UP). */
	readonly up: boolean;
	/** Up and with a carrier: the other end is up too (IFF_RUNNING). */
	readonly running: boolean;
};

export type RouteChange = {
	readonly change: 'added' | 'removed';
	/** Who installed it: one of `routeProtocols`, or another number. */
	readonly protocol: number;
	/** Undefined for what is no route of a table. To be asked before the next event only. */
	readonly read: () => InstalledRoute | undefined;
};

export type LinkWatch = {
	/** The listener is not called after this. */
	readonly close: () => void;
};

/** Bytes; only taken as far as messages wait. A message takes some 8 kB, a burst of 8,000 link changes fits. */
const receiveBuffer = 64 << 20;
/** Numbers of linux/netlink.h and linux/rtnetlink.h. */
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_ROUTE = 7;
const RTNLGRP_IPV6_ROUTE = 11;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;

/**
Calls the listener at every change of a link in the namespace, from now on. Does not keep the program alive.
Equivalent to: `ip -netns NAMESPACE monitor link`
*/
export function watchLinks(namespace: Namespace, listener: (change: LinkState) => void): LinkWatch {
	return watch(namespace, [RTNLGRP_LINK], (type, data, netlink) => {
		if (type === RTM_NEWLINK || type === RTM_DELLINK) {
			listener(stateOf(netlink.rt.parseLinkMessage(data)));
		}
	});
}

/**
Calls the listener with every route that comes or goes in the namespace, from now on. Does not keep the program alive.
The kernel is silent about IPv4 routes that go because their link went down.
Equivalent to: `ip -netns NAMESPACE monitor route`
*/
export function watchRoutes(namespace: Namespace, listener: (change: RouteChange) => void): LinkWatch {
	return watch(namespace, [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE], (type, data) => {
		if (type === RTM_NEWROUTE || type === RTM_DELROUTE) {
			// Of struct rtmsg.
			listener({change: type === RTM_NEWROUTE ? 'added' : 'removed', protocol: data[5] ?? 0, read: () => readRoute(data)});
		}
	});
}

function watch(namespace: Namespace, groups: readonly number[], listener: (type: number, data: Buffer, netlink: typeof Netlink) => void): LinkWatch {
	// Loaded on first use: it takes as long as the rest of the program's start.
	const netlink = createRequire(import.meta.url)('netlink') as typeof Netlink;
	const socket = inside(namespace, () => open(netlink, groups));
	socket.on('message', messages => {
		for (const {type, data} of messages) {
			listener(type, data, netlink);
		}
	});
	return {
		close() {
			socket.removeAllListeners('message');
			socket.close();
		},
	};
}

/**
Release 0.3.0 of the package ends the process when its receive buffer overflows (it builds an error around a null pointer), and the
size it can ask for is capped by net.core.rmem_max. So the buffer is forced, and should even that not do, the kernel drops silently.
*/
function open({createNetlink, Protocol}: typeof Netlink, groups: readonly number[]): Netlink.NetlinkSocket {
	const before = new Set(openSockets());
	const socket = createNetlink(Protocol.ROUTE);
	for (const fd of openSockets().filter(each => !before.has(each))) {
		setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer);
		setSocketOption(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
	}

	for (const group of groups) {
		socket.socket.addMembership(group);
	}

	return socket;
}

/** The package does not tell its descriptor. */
function openSockets(): number[] {
	return readdirSync('/proc/self/fd').filter(isSocket).map(Number);
}

function isSocket(fd: string): boolean {
	try {
		return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
	} catch {
		// The descriptor that listed the directory is in the list and closed.
		return false;
	}
}

function stateOf({data: {index, flags}}: ReturnType<typeof Netlink.rt.parseLinkMessage>): LinkState {
	return {index: index ?? 0, up: flags?.up === true, running: flags?.running === true};
}
