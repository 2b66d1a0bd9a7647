/** Network interfaces: veth pairs and Linux bridges by rtnetlink. Functions queue; the caller flushes. */
import {type Mac, macBytes} from '../util/address.ts';
import type {Namespace} from './namespace.ts';
import {type Request, type Rtnetlink, flag, rtm} from './rtnetlink.ts';

/** Attributes of linux/if_link.h and of linux/veth.h. */
const ifla = {address: 1, name: 3, mtu: 4, master: 10, linkInfo: 18, group: 27, namespaceFd: 28, txQueues: 31, rxQueues: 32, infoKind: 1, infoData: 2, vethPeer: 1, bridgeStp: 5} as const;
const IFF_UP = 1;
/** Links that are to be deleted are put into this group; nobody else's are in it. */
const leavingGroup = 0x5e_c0;

export type LinkEnd = {
	readonly name: string;
	/** Interface index, chosen by the caller so that later requests of the same batch can name it. */
	readonly index: number;
	/** Where this end is created. */
	readonly namespace: Namespace;
	readonly mac: Mac;
	/** Bytes. */
	readonly mtu: number;
	/** Index of the bridge this end is a port of, in the same namespace. */
	readonly master?: number | undefined;
};

/**
Creates a veth pair with both ends in their final namespace: moving a link costs a hundred times as much as making it in place.
The first end is up, and a port of its bridge, at once. The second cannot be: while it is made it has no peer yet (ENOTCONN),
and the kernel passes over its master; see `setMaster` and `setLinkUp`.
Equivalent to: `ip link add A netns NS1 type veth peer name B netns NS2`
*/
export function addVeth(rtnetlink: Rtnetlink, [first, second]: readonly [LinkEnd, LinkEnd]): void {
	const label = {operation: 'new link', object: `${first.name} – ${second.name}`};
	rtnetlink.add(rtm.newLink, flag.create | flag.exclusive, label, request => {
		endAttributes(interfaceHeader(request, first.index, IFF_UP), first);
		if (first.master !== undefined) {
			request.attribute(ifla.master, first.master);
		}

		request.nested(ifla.linkInfo, () => {
			request.attribute(ifla.infoKind, 'veth').nested(ifla.infoData, () => {
				request.nested(ifla.vethPeer, () => {
					endAttributes(interfaceHeader(request, second.index, 0), second);
				});
			});
		});
	});
}

/** Equivalent to: `ip link add NAME up type bridge [stp_state 1]` */
export function addBridge(rtnetlink: Rtnetlink, {name, index, stp}: {name: string; index: number; stp: boolean}): void {
	rtnetlink.add(rtm.newLink, flag.create | flag.exclusive, {operation: 'new bridge', object: name}, request => {
		interfaceHeader(request, index, IFF_UP).attribute(ifla.name, name);
		request.nested(ifla.linkInfo, () => {
			request.attribute(ifla.infoKind, 'bridge').nested(ifla.infoData, () => {
				request.attribute(ifla.bridgeStp, stp ? 1 : 0);
			});
		});
	});
}

/** Makes an interface a port of a bridge. Equivalent to: `ip link set dev NAME master BRIDGE` */
export function setMaster(rtnetlink: Rtnetlink, {name, index}: {name: string; index: number}, master: number): void {
	rtnetlink.add(rtm.newLink, 0, {operation: 'set master of', object: name}, request => {
		request.fixed(16, bytes => {
			bytes.writeInt32LE(index, 4);
		}).attribute(ifla.master, master);
	});
}

/** Equivalent to: `ip link set dev NAME up|down` */
export function setLinkUp(rtnetlink: Rtnetlink, {name, index}: {name: string; index: number}, up: boolean): void {
	rtnetlink.add(rtm.newLink, 0, {operation: up ? 'set up' : 'set down', object: name}, request => {
		interfaceHeader(request, index, up ? IFF_UP : 0);
	});
}

/**
Deletes links of the namespace at once, and with one end of a veth pair the other: one by one each would wait for an RCU grace period of its own.
Equivalent to: `ip link set dev NAME group G`, once a name, and `ip link delete group G`
*/
export function deleteLinks(rtnetlink: Rtnetlink, ends: ReadonlyArray<{readonly name: string; readonly index: number}>): void {
	for (const {name, index} of ends) {
		rtnetlink.add(rtm.newLink, 0, {operation: 'set group of', object: name}, request => {
			request.fixed(16, bytes => {
				bytes.writeInt32LE(index, 4);
			}).attribute(ifla.group, leavingGroup);
		});
	}

	rtnetlink.add(rtm.deleteLink, 0, {operation: 'delete', object: ends.map(({name}) => name).join(', ')}, request => {
		request.fixed(16, () => undefined).attribute(ifla.group, leavingGroup);
	});
}

/** Fills struct ifinfomsg: which interface, and whether it is up (only that flag is touched). */
function interfaceHeader(request: Request, index: number, flags: number): Request {
	return request.fixed(16, bytes => {
		bytes.writeInt32LE(index, 4);
		bytes.writeUInt32LE(flags, 8);
		bytes.writeUInt32LE(IFF_UP, 12);
	});
}

function endAttributes(request: Request, end: LinkEnd): Request {
	return request.attribute(ifla.name, end.name).attribute(ifla.namespaceFd, end.namespace.fd).attribute(ifla.address, macBytes(end.mac)).attribute(ifla.mtu, end.mtu)
		.attribute(ifla.txQueues, 1).attribute(ifla.rxQueues, 1);
}
