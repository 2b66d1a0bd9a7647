/** Neighbour entries (ARP, neighbour discovery) by rtnetlink. Functions queue; the caller flushes. */
import {type Address, type Mac, addressBytes, formatAddress, macBytes} from '../util/address.ts';
import {type Rtnetlink, flag, rtm} from './rtnetlink.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

/** Attributes and states of linux/neighbour.h. */
const nda = {destination: 1, linkAddress: 2} as const;
const NUD_PERMANENT = 0x80;

/**
A permanent entry: never asked for, never forgotten, not counted against the host's neighbour table.
Equivalent to: `ip neighbor replace ADDRESS lladdr MAC dev NAME nud permanent`
*/
export function addNeighbor(rtnetlink: Rtnetlink, index: number, address: Address, mac: Mac): void {
	rtnetlink.add(rtm.newNeighbor, flag.create | flag.replace, {operation: 'new neighbor', object: formatAddress(address)}, request => {
		request.fixed(12, header => {
			header[0] = address.family === 4 ? AF_INET : AF_INET6;
			header.writeInt32LE(index, 4);
			header.writeUInt16LE(NUD_PERMANENT, 8);
		});
		request.attribute(nda.destination, addressBytes(address)).attribute(nda.linkAddress, macBytes(mac));
	});
}
