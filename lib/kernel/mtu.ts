/** The largest packet an interface takes, read and set. */
import {type Namespace, inside} from './namespace.ts';
import {type Rtnetlink, rtm} from './rtnetlink.ts';
import {AF_INET, SOCK_DGRAM, close, ioctl, socket} from './syscall.ts';

/** Numbers of linux/sockios.h, linux/if.h and linux/if_link.h: struct ifreq is 16 bytes of name, then the MTU. */
const SIOCGIFMTU = 0x89_21;
const ifreqLength = 40;
const mtuOffset = 16;
const IFLA_MTU = 4;

/**
In bytes. Equivalent to: `cat /sys/class/net/NAME/mtu` in the namespace

@throws KernelError ENODEV when there is none of this name
*/
export function mtuOf(namespace: Namespace, name: string): number {
	return inside(namespace, () => {
		const fd = socket(AF_INET, SOCK_DGRAM, 0);
		try {
			const request = Buffer.alloc(ifreqLength);
			request.write(name, 0);
			ioctl(fd, SIOCGIFMTU, request, name);
			return request.readInt32LE(mtuOffset);
		} finally {
			close(fd);
		}
	});
}

/** Queues; the caller flushes. Equivalent to: `ip link set dev NAME mtu BYTES` */
export function setMtu(rtnetlink: Rtnetlink, {name, index}: {readonly name: string; readonly index: number}, bytes: number): void {
	rtnetlink.add(rtm.newLink, 0, {operation: 'set MTU of', object: name}, request => {
		request.fixed(16, header => {
			header.writeInt32LE(index, 4);
		}).attribute(IFLA_MTU, bytes);
	});
}
