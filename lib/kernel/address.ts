/** Addresses of interfaces by rtnetlink: added, listed. Functions that change queue; the caller flushes. */
import {type InterfaceAddress, addressBytes, formatInterfaceAddress, fromBytes} from '../util/address.ts';
import type {Namespace} from './namespace.ts';
import {Attributes} from './netlink-attributes.ts';
import {dump} from './netlink-dump.ts';
import {NETLINK_ROUTE, type Rtnetlink, flag, rtm} from './rtnetlink.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

/** Attributes of linux/if_addr.h. */
const ifa = {address: 1, local: 2, flags: 8} as const;
/** The address is usable at once: duplicate address detection would hold it back for a second. */
const IFA_F_NODAD = 2;
/** Bytes of struct ifaddrmsg. */
const headerLength = 8;

/** An address and the index of its interface. */
export type InstalledAddress = InterfaceAddress & {readonly interface: number};

/** Equivalent to: `ip address add ADDRESS/LENGTH dev NAME [nodad]` */
export function addAddress(rtnetlink: Rtnetlink, {name, index}: {name: string; index: number}, address: InterfaceAddress): void {
	const bytes = addressBytes(address.address);
	rtnetlink.add(rtm.newAddress, flag.create | flag.exclusive, {operation: `new address on ${name}:`, object: formatInterfaceAddress(address)}, request => {
		request.fixed(headerLength, header => {
			header[0] = address.address.family === 4 ? AF_INET : AF_INET6;
			header[1] = address.length;
			header.writeUInt32LE(index, 4);
		});
		request.attribute(ifa.local, bytes).attribute(ifa.address, bytes).attribute(ifa.flags, address.address.family === 6 ? IFA_F_NODAD : 0);
	});
}

/** Of both families, of all interfaces, link-local ones too. Equivalent to: `ip address show` @throws KernelError */
export function listAddresses(namespace: Namespace): InstalledAddress[] {
	return dump(namespace, {
		protocol: NETLINK_ROUTE,
		type: rtm.getAddress,
		object: 'addresses',
		fill(request) {
			request.fixed(headerLength, () => undefined);
		},
		read(payload): InstalledAddress {
			const attributes = new Attributes(payload, headerLength);
			const local = attributes.bytes(ifa.local);
			return {address: fromBytes(local.length > 0 ? local : attributes.bytes(ifa.address)), length: payload.readUInt8(1), interface: payload.readUInt32LE(4)};
		},
	});
}
