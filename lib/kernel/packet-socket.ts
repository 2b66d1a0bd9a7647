/** Packet sockets: whole frames, sent as they are and seen on their way in and out. See packet(7). */
import {close} from 'node:fs';
import {promisify} from 'node:util';
import {type Namespace, inside} from './namespace.ts';
import {AF_PACKET, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET, SO_RCVBUFFORCE, setSocketOption, socket, tryRecvFrom, trySendTo} from './syscall.ts';

/** Of linux/if_ether.h, in network byte order. */
const ETH_P_ALL = 0x03_00;
/** Values of `sll_pkttype`, linux/if_packet.h. */
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;
/** Values of `sll_hatype` whose frames begin with an Ethernet header, linux/if_arp.h; those of layer-3 tunnels begin with the packet. */
const ethernetTypes: ReadonlySet<number> = new Set([1, 772]);
/** Bytes of struct sockaddr_ll. */
const addressLength = 20;
/** Bytes; enough for what a burst of flooded frames brings between two looks. */
const receiveBuffer = 4 << 20;
/** Bytes of a frame that are kept: all headers that anybody reads. */
const snapLength = 512;

/** The kernel closes a packet socket once nobody can see it any more, which takes 10 ms, and longer on a busy machine: so a thread of the pool waits for it, and only one, as others are waiting for packets. */
let closing = Promise.resolve();

export type SeenFrame = {
	/** The first 512 bytes; valid until the next frame is read. */
	readonly bytes: Buffer;
	/** `others`: it was flooded here but is addressed to another MAC. */
	readonly direction: 'in' | 'out' | 'others';
	/** Index of the interface it was seen on. */
	readonly interface: number;
	/** Whether it begins with an Ethernet header; what a layer-3 tunnel carries begins with its IP header. */
	readonly isEthernet: boolean;
};

/** Sees the frames of all interfaces of a namespace, save those that it sent itself. */
export class PacketSocket {
	readonly fd: number;
	readonly #buffer = Buffer.alloc(snapLength);
	readonly #address = Buffer.alloc(addressLength);

	constructor(namespace: Namespace) {
		this.fd = inside(namespace, () => socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, ETH_P_ALL));
		setSocketOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer);
	}

	/**
	@param index of the interface to leave by
	@returns undefined when the frame went out, else the errno's name, such as ENOBUFS
	*/
	send(frame: Uint8Array, index: number): string | undefined {
		const address = Buffer.alloc(addressLength);
		address.writeUInt16LE(AF_PACKET, 0);
		address.writeInt32LE(index, 4);
		address[11] = 6;
		return trySendTo(this.fd, frame, address);
	}

	/** The next frame, or undefined when none is waiting. */
	receive(): SeenFrame | undefined {
		const length = tryRecvFrom(this.fd, this.#buffer, this.#address);
		if (length === undefined) {
			return undefined;
		}

		const type = this.#address[10];
		return {
			bytes: this.#buffer.subarray(0, length),
			direction: type === PACKET_OUTGOING ? 'out' : type === PACKET_OTHERHOST ? 'others' : 'in',
			interface: this.#address.readInt32LE(4),
			isEthernet: ethernetTypes.has(this.#address.readUInt16LE(8)),
		};
	}

	/** Returns at once. Whatever closing answers, the descriptor is gone. */
	close(): void {
		closing = closing.then(async () => promisify(close)(this.fd)).catch(() => undefined);
	}
}
