/** TUN and TAP devices: interfaces whose other side is a program. See Documentation/networking/tuntap.rst of the kernel. */
import {closeSync, constants, openSync} from 'node:fs';
import {type Mac, macBytes} from '../util/address.ts';
import {KernelError, SecureNetError} from '../util/errors.ts';
import {type Namespace, inside} from './namespace.ts';
import {AF_INET, SOCK_DGRAM, close, ioctl, ioctlNumber, socket} from './syscall.ts';

/** Requests and flags of linux/if_tun.h. */
const TUNSETIFF = 0x40_04_54_CA;
const TUNSETPERSIST = 0x40_04_54_CB;
const TUNSETIFINDEX = 0x40_04_54_DA;
const IFF_TUN = 1;
const IFF_TAP = 2;
const IFF_NO_PI = 0x10_00;
const IFF_VNET_HDR = 0x40_00;
const TUNSETOFFLOAD = 0x40_04_54_D0;
/** Checksums, and TCP over IPv4 and IPv6. */
const TUN_F_ALL = 1 | 2 | 4;
/** Requests of linux/sockios.h. struct ifreq: 16 bytes of name, then the value. */
const SIOCSIFMTU = 0x89_22;
const SIOCSIFHWADDR = 0x89_24;
const SIOCSIFTXQLEN = 0x89_43;
const ifreqLength = 40;
const valueOffset = 16;
/** Of linux/if_arp.h. */
const ARPHRD_ETHER = 1;

export type TunOptions = {
	readonly name: string;
	/** `layer3`: a TUN device, which carries IP packets. `layer2`: a TAP device, which carries Ethernet frames. */
	readonly mode: 'layer3' | 'layer2';
	/** Interface index; without one the kernel chooses. */
	readonly index?: number | undefined;
	/** Of a TAP device only. */
	readonly mac?: Mac | undefined;
	/** Bytes; without one 1500. */
	readonly mtu?: number | undefined;
	/** Packets that may wait until the program reads them; without a number 500, or 1000 of a TAP device. */
	readonly queueLength?: number | undefined;
	/** Each packet is read and written with four bytes before it: flags, and the protocol as in an Ethernet header. */
	readonly packetInformation?: boolean | undefined;
	/**
	Each packet is read and written with a struct virtio_net_hdr before it (linux/virtio_net.h, in host byte order), and may be a piece of TCP of up to 64 kB that the program has to
	cut, or a packet whose checksum the program has to complete.
	*/
	readonly offload?: boolean | undefined;
};

/** Whether the kernel has TUN devices, asked by opening what makes them; a kernel with modules loads its own then. */
export function hasTun(): boolean {
	try {
		closeSync(openSync('/dev/net/tun', constants.O_RDWR));
		return true;
	} catch {
		return false;
	}
}

/**
Makes a device that is there as long as the descriptor is open; close it with `close`. It is down, and reads never wait.

@throws KernelError such as EBUSY when the name or the index is taken, ENOENT or ENODEV on a machine without /dev/net/tun
*/
export function openTun(namespace: Namespace, options: TunOptions): number {
	return attempting('new', options, namespace, () => {
		const fd = attach(options);
		try {
			configure(fd, options);
			return fd;
		} catch (error) {
			close(fd);
			throw error;
		}
	});
}

/**
Makes a device that stays when no program has it, as `ssh -w` finds it. It goes with its namespace.
Equivalent to: `ip tuntap add dev NAME mode tun|tap`

@throws KernelError such as EBUSY
*/
export function addTun(namespace: Namespace, options: TunOptions): void {
	const fd = openTun(namespace, options);
	try {
		attempting('keep', options, namespace, () => {
			ioctlNumber(fd, TUNSETPERSIST, 1, options.name);
		});
	} finally {
		close(fd);
	}
}

/**
Takes away a device that `addTun` made. One that is not there is fine.
Equivalent to: `ip tuntap del dev NAME mode tun|tap`

@throws KernelError EBUSY while a program has it
*/
export function deleteTun(namespace: Namespace, {name, mode}: Pick<TunOptions, 'name' | 'mode'>): void {
	attempting('delete', {name, mode}, namespace, () => {
		// A name that is not there becomes a device that goes when it is closed, so both cases are one.
		const fd = attach({name, mode});
		try {
			ioctlNumber(fd, TUNSETPERSIST, 0, name);
		} finally {
			close(fd);
		}
	});
}

/** The device belongs to the namespace in which its file was opened. */
function attach({name, mode, index, packetInformation = false, offload = false}: TunOptions): number {
	const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
	try {
		if (index !== undefined) {
			ioctl(fd, TUNSETIFINDEX, Buffer.from(Uint32Array.of(index).buffer), name);
		}

		const request = requestFor(name);
		request.writeUInt16LE((mode === 'layer3' ? IFF_TUN : IFF_TAP) | (packetInformation ? 0 : IFF_NO_PI) | (offload ? IFF_VNET_HDR : 0), valueOffset);
		ioctl(fd, TUNSETIFF, request, name);
		if (offload) {
			ioctlNumber(fd, TUNSETOFFLOAD, TUN_F_ALL, name);
		}

		return fd;
	} catch (error) {
		close(fd);
		throw error;
	}
}

/** In the namespace this thread is in. */
function configure(fd: number, {name, mac, mtu, queueLength}: TunOptions): void {
	if (mac !== undefined) {
		const request = requestFor(name);
		request.writeUInt16LE(ARPHRD_ETHER, valueOffset);
		request.set(macBytes(mac), valueOffset + 2);
		ioctl(fd, SIOCSIFHWADDR, request, name);
	}

	const socketFd = socket(AF_INET, SOCK_DGRAM, 0);
	try {
		for (const [operation, value] of [[SIOCSIFMTU, mtu], [SIOCSIFTXQLEN, queueLength]] as const) {
			if (value !== undefined) {
				const request = requestFor(name);
				request.writeInt32LE(value, valueOffset);
				ioctl(socketFd, operation, request, name);
			}
		}
	} finally {
		close(socketFd);
	}
}

function requestFor(name: string): Buffer {
	const request = Buffer.alloc(ifreqLength);
	request.write(name, 0);
	return request;
}

/** Whatever fails is told as what was wanted: numbers of ioctls say nothing. */
function attempting<Result>(verb: string, {name, mode}: Pick<TunOptions, 'name' | 'mode'>, namespace: Namespace, work: () => Result): Result {
	try {
		return inside(namespace, work);
	} catch (error) {
		const errno = error instanceof KernelError ? error.errno : (error as NodeJS.ErrnoException).code;
		if (errno === undefined || (error instanceof SecureNetError && !(error instanceof KernelError))) {
			throw error;
		}

		throw new KernelError(`${verb} ${mode === 'layer3' ? 'tun' : 'tap'} device`, errno, name, {place: namespace.name});
	}
}
