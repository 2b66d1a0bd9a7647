/** The number of an interface in its namespace, and the name that goes with a number. */
import {type Namespace, inside} from './namespace.ts';
import {AF_INET, SOCK_DGRAM, close, ioctl, socket} from './syscall.ts';

/** Numbers of linux/sockios.h and linux/if.h: struct ifreq is 16 bytes of name, then the index. */
const SIOCGIFINDEX = 0x89_33;
const SIOCGIFNAME = 0x89_10;
const ifreqLength = 40;
const indexOffset = 16;

/**
Equivalent to: `cat /sys/class/net/NAME/ifindex` in the namespace

@throws KernelError ENODEV when there is none of this name
*/
export function interfaceIndex(namespace: Namespace, name: string): number {
	return inside(namespace, () => {
		const fd = socket(AF_INET, SOCK_DGRAM, 0);
		try {
			const request = Buffer.alloc(ifreqLength);
			request.write(name, 0);
			ioctl(fd, SIOCGIFINDEX, request, name);
			return request.readInt32LE(indexOffset);
		} finally {
			close(fd);
		}
	});
}

/**
Equivalent to: `ip link show`, the name behind `INDEX:`

@throws KernelError ENODEV when there is none of this index
*/
export function interfaceName(namespace: Namespace, index: number): string {
	return inside(namespace, () => {
		const fd = socket(AF_INET, SOCK_DGRAM, 0);
		try {
			const request = Buffer.alloc(ifreqLength);
			request.writeInt32LE(index, indexOffset);
			ioctl(fd, SIOCGIFNAME, request, `interface ${index}`);
			return request.toString('utf8', 0, request.indexOf(0));
		} finally {
			close(fd);
		}
	});
}
