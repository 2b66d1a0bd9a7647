/** Raw sockets of GRE: one takes the packets of all tunnels that end at its address. See raw(7), ip(7), ipv6(7). */
import {type Address, type Family, formatAddress} from '../util/address.ts';
import {socketAddress} from './icmp.ts';
import {type Namespace, inside} from './namespace.ts';
import {AF_INET, AF_INET6, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET, SO_RCVBUFFORCE, SO_SNDBUFFORCE, bind, close, setSocketOption, socket} from './syscall.ts';

const IPPROTO_GRE = 47;
/** Numbers of linux/in.h and linux/in6.h. */
const ip = {
	4: {domain: AF_INET, level: 0, freeBind: 15, pathMtu: 10, ttl: 2},
	6: {domain: AF_INET6, level: 41, freeBind: 78, pathMtu: 23, ttl: 52},
} as const;
/** Outer packets are not fragmented, as the kernel's GRE has it (`pmtudisc`): IP_PMTUDISC_DO. */
const pathMtuDiscovery = 2;
/** Bytes. The queue of the underlay's interface decides what is lost, not this. */
const bufferSize = 4 << 20;

/**
It is not connected: an address that is missing, a route that is gone, or an ICMP error of an earlier packet is no reason to fail, and costs only the packets of its time.

@throws KernelError
*/
export function openGreSocket(namespace: Namespace, local: Address): number {
	const {domain, level, freeBind, pathMtu} = ip[local.family];
	const fd = inside(namespace, () => socket(domain, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_GRE));
	try {
		setSocketOption(fd, level, freeBind, 1);
		setSocketOption(fd, level, pathMtu, pathMtuDiscovery);
		setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bufferSize);
		setSocketOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, bufferSize);
		bind(fd, socketAddress(local), `${formatAddress(local)} protocol GRE`);
		return fd;
	} catch (error) {
		close(fd);
		throw error;
	}
}

/** struct cmsghdr that gives a message its ttl: tunnels with different ones share a socket. */
export function ttlMessage(ttl: number, family: Family): Uint8Array {
	const {level, ttl: type} = ip[family];
	const bytes = Buffer.alloc(24);
	bytes.writeBigUInt64LE(20n, 0);
	bytes.writeInt32LE(level, 8);
	bytes.writeInt32LE(type, 12);
	bytes.writeInt32LE(ttl, 16);
	return Uint8Array.from(bytes);
}
