/** Addresses of interfaces by rtnetlink. Functions queue; the caller flushes. */
import {type InterfaceAddress, addressBytes, formatInterfaceAddress} from '../util/address.ts';
import {type Rtnetlink, flag, rtm} from './rtnetlink.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

/** Attributes of linux/if_addr.h. */
const ifa = {address: 1, local: 2, flags: 8} as const;
/** The address is usable at once: duplicate address detection would hold it back for a second. */
const IFA_F_NODAD = 2;

/** Equivalent to: `ip address add ADDRESS/LENGTH dev NAME [nodad]` */
export function addAddress(rtnetlink: Rtnetlink, {name, index}: {name: string; index: number}, address: InterfaceAddress): void {
	const bytes = addressBytes(address.address);
	rtnetlink.add(rtm.newAddress, flag.create | flag.exclusive, {operation: `new address on ${name}:`, object: formatInterfaceAddress(address)}, request => {
		request.fixed(8, header => {
			header[0] = address.address.family === 4 ? AF_INET : AF_INET6;
			header[1] = address.length;
			header.writeUInt32LE(index, 4);
		});
		request.attribute(ifa.local, bytes).attribute(ifa.address, bytes).attribute(ifa.flags, address.address.family === 6 ? IFA_F_NODAD : 0);
	});
}
