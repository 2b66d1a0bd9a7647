/** The largest packet an interface takes, read and set. */
import {askInterface, ifreqValue} from './interface-request.ts';
import type {Namespace} from './namespace.ts';
import {type Rtnetlink, rtm} from './rtnetlink.ts';

/** Numbers of linux/sockios.h and linux/if_link.h. */
const SIOCGIFMTU = 0x89_21;
const IFLA_MTU = 4;

/**
In bytes. Equivalent to: `cat /sys/class/net/NAME/mtu` in the namespace

@throws KernelError ENODEV when there is none of this name
*/
export function mtuOf(namespace: Namespace, name: string): number {
	return askInterface(namespace, SIOCGIFMTU, name, request => request.write(name, 0)).readInt32LE(ifreqValue);
}

/** Queues; the caller flushes. Equivalent to: `ip link set dev NAME mtu BYTES` */
export function setMtu(rtnetlink: Rtnetlink, {name, index}: {readonly name: string; readonly index: number}, bytes: number): void {
	rtnetlink.add(rtm.newLink, 0, {operation: 'set MTU of', object: name}, request => {
		request.fixed(16, header => {
			header.writeInt32LE(index, 4);
		}).attribute(IFLA_MTU, bytes);
	});
}
