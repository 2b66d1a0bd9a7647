/** Offload settings of interfaces, by the SIOCETHTOOL ioctl. */
import koffi from 'koffi';
import {AF_INET, SOCK_DGRAM, close, ioctl, socket} from './syscall.ts';

/** Numbers of linux/sockios.h and linux/ethtool.h. */
const SIOCETHTOOL = 0x89_46;
const ETHTOOL_STXCSUM = 0x17;
/** struct ifreq: 16 bytes of name, then a pointer to the ethtool command. */
const ifreqLength = 40;
const dataOffset = 16;

/** struct ethtool_value {cmd, data: off}: the same for every interface, so it is laid out once, in memory that does not move. */
const command = Buffer.from(new Uint32Array([ETHTOOL_STXCSUM, 0]).buffer);

/**
Turns transmit checksum offload off for interfaces of the namespace this thread is in: a port of a userspace bridge would
otherwise receive TCP segments without a checksum, and TCP would never work.
Equivalent to: `ethtool --offload NAME tx off`, once a name
*/
export function turnTxChecksumOff(names: readonly string[]): void {
	const fd = socket(AF_INET, SOCK_DGRAM, 0);
	try {
		for (const name of names) {
			const request = Buffer.alloc(ifreqLength);
			request.write(name, 0);
			request.writeBigUInt64LE(koffi.address(command), dataOffset);
			ioctl(fd, SIOCETHTOOL, request, name);
		}
	} finally {
		close(fd);
	}
}
