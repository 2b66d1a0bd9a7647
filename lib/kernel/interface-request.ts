/** Questions about an interface by ioctl: struct ifreq goes to the kernel with a name or a number, and comes back with the answer. See netdevice(7). */
import {type Namespace, inside} from './namespace.ts';
import {AF_INET, SOCK_DGRAM, close, ioctl, socket} from './syscall.ts';

/** Bytes of struct ifreq, and of the name at its beginning; what is asked or answered follows. */
const ifreqLength = 40;
export const ifreqValue = 16;

/**
@param operation a number of linux/sockios.h
@param object what is asked about, for the error
@param fill writes what the kernel has to know
@returns the struct as the kernel left it
@throws KernelError such as ENODEV
*/
export function askInterface(namespace: Namespace, operation: number, object: string, fill: (request: Buffer) => void): Buffer {
	return inside(namespace, () => {
		const fd = socket(AF_INET, SOCK_DGRAM, 0);
		try {
			const request = Buffer.alloc(ifreqLength);
			fill(request);
			ioctl(fd, operation, request, object);
			return request;
		} finally {
			close(fd);
		}
	});
}
