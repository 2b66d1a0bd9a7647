/** Neighbour entries (ARP, neighbour discovery) by rtnetlink: permanent ones, learned ones, those answered for others. Functions that change queue; the caller flushes. See ip-neighbour(8). */
import {type Address, type Mac, addressBytes, formatAddress, fromBytes, macBytes} from '../util/address.ts';
import type {Namespace} from './namespace.ts';
import {Attributes} from './netlink-attributes.ts';
import {dump} from './netlink-dump.ts';
import {NETLINK_ROUTE, type Rtnetlink, flag, rtm} from './rtnetlink.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

/** Attributes, states and flags of linux/neighbour.h. */
const nda = {destination: 1, linkAddress: 2, protocol: 12} as const;
const states = {incomplete: 0x01, reachable: 0x02, stale: 0x04, delay: 0x08, probe: 0x10, failed: 0x20, permanent: 0x80} as const;
const stateNames: ReadonlyMap<number, NeighborState> = new Map(Object.entries(states).map(([name, number]) => [number, name as NeighborState]));
const NTF_PROXY = 8;
/** Bytes of struct ndmsg. */
const headerLength = 12;
/** As of routes: somebody asked for it (RTPROT_STATIC). It tells our proxy entries from those made by hand. */
const protocolStatic = 4;

/** What the kernel thinks of a neighbour: asked for, heard of lately, long ago, in vain, or told once and for all. */
export type NeighborState = keyof typeof states;

export type InstalledNeighbor = {
	readonly address: Address;
	/** Index of the interface it is reached by. */
	readonly interface: number;
	/** Absent as long as nobody has answered. */
	readonly mac?: Mac;
	readonly state: NeighborState;
};

/** An address that a router answers for on an interface. */
export type Proxy = {readonly address: Address; readonly interface: number};

/**
A permanent entry: never asked for, never forgotten, not counted against the host's neighbour table.
Equivalent to: `ip neighbor replace ADDRESS lladdr MAC dev NAME nud permanent`
*/
export function addNeighbor(rtnetlink: Rtnetlink, index: number, address: Address, mac: Mac): void {
	rtnetlink.add(rtm.newNeighbor, flag.create | flag.replace, {operation: 'new neighbor', object: formatAddress(address)}, request => {
		request.fixed(headerLength, header => {
			writeHeader(header, address, index);
			header.writeUInt16LE(states.permanent, 8);
		});
		request.attribute(nda.destination, addressBytes(address)).attribute(nda.linkAddress, macBytes(mac));
	});
}

/** Equivalent to: `ip neighbor del ADDRESS dev NAME` */
export function deleteNeighbor(rtnetlink: Rtnetlink, index: number, address: Address): void {
	rtnetlink.add(rtm.deleteNeighbor, 0, {operation: 'delete neighbor', object: formatAddress(address)}, request => {
		request.fixed(headerLength, header => {
			writeHeader(header, address, index);
		});
		request.attribute(nda.destination, addressBytes(address));
	});
}

/** The interface answers for the address, when it may (proxy_ndp). Equivalent to: `ip neighbor add proxy ADDRESS dev NAME protocol static` */
export function addProxy(rtnetlink: Rtnetlink, {address, interface: index}: Proxy): void {
	rtnetlink.add(rtm.newNeighbor, flag.create | flag.replace, {operation: 'new proxy neighbor', object: formatAddress(address)}, request => {
		request.fixed(headerLength, header => {
			writeHeader(header, address, index);
			header[10] = NTF_PROXY;
		});
		request.attribute(nda.destination, addressBytes(address)).attribute(nda.protocol, Uint8Array.of(protocolStatic));
	});
}

/** Equivalent to: `ip neighbor del proxy ADDRESS dev NAME` */
export function deleteProxy(rtnetlink: Rtnetlink, {address, interface: index}: Proxy): void {
	rtnetlink.add(rtm.deleteNeighbor, 0, {operation: 'delete proxy neighbor', object: formatAddress(address)}, request => {
		request.fixed(headerLength, header => {
			writeHeader(header, address, index);
			header[10] = NTF_PROXY;
		});
		request.attribute(nda.destination, addressBytes(address));
	});
}

function writeHeader(header: Buffer, {family}: Address, index: number): void {
	header[0] = family === 4 ? AF_INET : AF_INET6;
	header.writeInt32LE(index, 4);
}

/** Both families, without what needs no asking, such as groups. Equivalent to: `ip neighbor show` @throws KernelError */
export function listNeighbors(namespace: Namespace): InstalledNeighbor[] {
	return dump(namespace, {
		protocol: NETLINK_ROUTE,
		type: rtm.getNeighbor,
		object: 'neighbors',
		fill(request) {
			request.fixed(headerLength, () => undefined);
		},
		read: readNeighbor,
	}).filter(neighbor => neighbor !== undefined);
}

function readNeighbor(payload: Buffer): InstalledNeighbor | undefined {
	const state = stateNames.get(payload.readUInt16LE(8));
	const attributes = new Attributes(payload, headerLength);
	const destination = attributes.bytes(nda.destination);
	if (!state || (destination.length !== 4 && destination.length !== 16)) {
		return undefined;
	}

	const mac = attributes.bytes(nda.linkAddress);
	return {address: fromBytes(destination), interface: payload.readInt32LE(4), ...mac.length === 6 ? {mac: macText(mac)} : {}, state};
}

/** The proxy entries that `addProxy` made; or all. Equivalent to: `ip neighbor show proxy protocol static` @throws KernelError */
export function listProxies(namespace: Namespace, {all = false}: {readonly all?: boolean} = {}): Proxy[] {
	return dump(namespace, {
		protocol: NETLINK_ROUTE,
		type: rtm.getNeighbor,
		object: 'proxy neighbors',
		fill(request) {
			request.fixed(headerLength, header => {
				header[10] = NTF_PROXY;
			});
		},
		read(payload) {
			const attributes = new Attributes(payload, headerLength);
			const isMeant = all || attributes.hostNumber(nda.protocol) === protocolStatic;
			return isMeant ? {address: fromBytes(attributes.bytes(nda.destination)), interface: payload.readInt32LE(4)} : undefined;
		},
	}).filter(proxy => proxy !== undefined);
}

function macText(bytes: Buffer): Mac {
	return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':');
}
