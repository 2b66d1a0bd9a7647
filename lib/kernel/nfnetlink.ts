/** What the subsystems of netfilter have in common on the wire: connection tracking, address sets. See linux/netfilter/nfnetlink.h. */
import type {Family} from '../util/address.ts';
import type {Request} from './rtnetlink.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

export const NETLINK_NETFILTER = 12;
/** Bits of an attribute's type: others inside it; a number or an address in network order. */
export const NLA_F_NESTED = 0x80_00;
export const NLA_F_NET_BYTEORDER = 0x40_00;
/** Bytes of struct nfgenmsg, which every message begins with: family, version, resource. */
export const nfHeaderLength = 4;

const AF_UNSPEC = 0;
const addressFamilies = {4: AF_INET, 6: AF_INET6, both: AF_UNSPEC} as const;

export function writeHeader(request: Request, family: Family | 'both'): void {
	request.fixed(nfHeaderLength, header => {
		header[0] = addressFamilies[family];
	});
}

/** Family of a message that the kernel sent. */
export function readFamily(payload: Uint8Array): Family {
	return payload[0] === AF_INET6 ? 6 : 4;
}
