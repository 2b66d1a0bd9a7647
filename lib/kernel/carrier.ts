/** Whether interfaces are up and have a carrier, asked of the kernel at the moment. */
import koffi from 'koffi';
import {KernelError} from '../util/errors.ts';
import {type Namespace, inside} from './namespace.ts';
import {AF_INET, SOCK_DGRAM, close, ioctl, socket} from './syscall.ts';

/** As `ip link` says it: set down, up without a carrier because the other end is down, or up with one; `gone` when somebody has deleted it. */
export type Carrier = 'up' | 'down' | 'no carrier' | 'gone';

/** Numbers of linux/sockios.h, linux/if.h and linux/ethtool.h. */
const SIOCGIFFLAGS = 0x89_13;
const SIOCETHTOOL = 0x89_46;
const IFF_UP = 1;
const ETHTOOL_GLINK = 0x0a;
/** struct ifreq: 16 bytes of name, then the flags, or a pointer to the ethtool command. */
const ifreqLength = 40;
const dataOffset = 16;

/** struct ethtool_value {cmd, data}: the kernel writes its answer there, so it stays where it is. */
const command = new Uint32Array([ETHTOOL_GLINK, 0]);
const commandBytes = Buffer.from(command.buffer);

/**
The IFF_RUNNING flag follows a change some time later, when a kernel thread comes to it; the answer of the driver does not wait.
Equivalent to: `ip -netns NAMESPACE link show dev NAME`

@throws KernelError
*/
export function carrierOf(namespace: Namespace, name: string): Carrier {
	return inside(namespace, () => {
		const fd = socket(AF_INET, SOCK_DGRAM, 0);
		try {
			return isUp(fd, name) ? hasCarrier(fd, name) ? 'up' : 'no carrier' : 'down';
		} catch (error) {
			if (error instanceof KernelError && error.errno === 'ENODEV') {
				return 'gone';
			}

			throw error;
		} finally {
			close(fd);
		}
	});
}

function isUp(fd: number, name: string): boolean {
	const request = requestFor(name);
	ioctl(fd, SIOCGIFFLAGS, request, name);
	return (request.readUInt16LE(dataOffset) & IFF_UP) !== 0;
}

function hasCarrier(fd: number, name: string): boolean {
	const request = requestFor(name);
	request.writeBigUInt64LE(koffi.address(commandBytes), dataOffset);
	try {
		ioctl(fd, SIOCETHTOOL, request, name);
		return command[1] !== 0;
	} catch (error) {
		// A device without a wire, such as one of GRE, has nothing to say about it.
		if (error instanceof KernelError && error.errno === 'ENOTSUP') {
			return true;
		}

		throw error;
	}
}

function requestFor(name: string): Buffer {
	const request = Buffer.alloc(ifreqLength);
	request.write(name, 0);
	return request;
}
