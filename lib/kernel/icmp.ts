/** Echo requests from raw sockets inside namespaces: a ping without a program. RFC 792, RFC 4443. */
import {randomInt} from 'node:crypto';
import {type Address, addressBytes} from '../util/address.ts';
import {type Namespace, inside} from './namespace.ts';
import {AF_INET, AF_INET6, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET, SO_RCVBUFFORCE, close, setSocketOption, socket, tryRecv, trySendTo} from './syscall.ts';

/** What the two families call the same things, and where a socket's filter of types is set. */
export const echo = {
	4: {domain: AF_INET, protocol: 1, request: 8, reply: 0, filterLevel: 255},
	6: {domain: AF_INET6, protocol: 58, request: 128, reply: 129, filterLevel: 58},
} as const;
/** ICMP_FILTER (linux/icmp.h) and ICMPV6_FILTER (linux/icmpv6.h): a set bit blocks that type. */
export const ICMP_FILTER = 1;
/** Bytes; as `ping` sends by default: 8 of header, 56 of data. */
const packetLength = 64;

/** Sends echo requests from one namespace and reads the replies. Each request carries a number of 32 bits that its reply brings back. */
export class PingSocket {
	static readonly #buffer = Buffer.alloc(2048);
	readonly fd: number;
	readonly #kind: (typeof echo)[4 | 6];
	readonly #family: 4 | 6;
	/** Tells this socket's replies from those of other pings in the same namespace. */
	readonly #identifier = randomInt(0x1_00_00);
	readonly #packet = Buffer.alloc(packetLength);

	constructor(namespace: Namespace, family: 4 | 6) {
		this.#family = family;
		this.#kind = echo[family];
		const {domain, protocol, filterLevel, reply} = this.#kind;
		this.fd = inside(namespace, () => socket(domain, SOCK_RAW | SOCK_NONBLOCK, protocol));
		setSocketOption(this.fd, filterLevel, ICMP_FILTER, onlyTypes(family, reply));
		setSocketOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
	}

	/** Undefined when the request went out, else the errno's name, such as ENETUNREACH. */
	send(to: Address, number: number): string | undefined {
		return trySendTo(this.fd, this.request(number), socketAddress(to));
	}

	/** A request as it goes out; valid until the next. The number stands beside its complement, so that it does not change the checksum. */
	request(number: number): Uint8Array {
		const packet = this.#packet;
		packet.fill(0);
		packet[0] = this.#kind.request;
		packet.writeUInt16BE(this.#identifier, 4);
		packet.writeUInt16BE(number & 0xFF_FF, 6);
		packet.writeUInt32BE(number, 8);
		packet.writeUInt16BE(~number & 0xFF_FF, 12);
		packet.writeUInt32BE(~number >>> 0, 14);
		if (this.#family === 4) {
			packet.writeUInt16BE(checksum(packet), 2);
		}

		return packet;
	}

	/** The number of the next reply, or undefined when none is waiting. */
	receive(): number | undefined {
		const buffer = PingSocket.#buffer;
		for (let length = tryRecv(this.fd, buffer); length !== undefined; length = tryRecv(this.fd, buffer)) {
			// An IPv4 raw socket delivers the IP header too; its length in words is in the low half of the first byte.
			const at = this.#family === 4 ? ((buffer[0] ?? 0) & 0xF) * 4 : 0;
			if (length >= at + 12 && buffer[at] === this.#kind.reply && buffer.readUInt16BE(at + 4) === this.#identifier) {
				return buffer.readUInt32BE(at + 8);
			}
		}

		return undefined;
	}

	close(): void {
		close(this.fd);
	}
}

/** For a socket's filter: the kernel drops every other type before it reaches the socket. */
export function onlyTypes(family: 4 | 6, ...types: readonly number[]): Uint8Array {
	const words = new Uint32Array(family === 4 ? 1 : 8).fill(0xFF_FF_FF_FF);
	for (const type of types) {
		words[type >> 5] = (words[type >> 5] ?? 0) & ~(1 << (type & 31));
	}

	return new Uint8Array(words.buffer);
}

/** struct sockaddr_in, or sockaddr_in6 without flow and scope. */
export function socketAddress(to: Address): Uint8Array {
	const bytes = new Uint8Array(to.family === 4 ? 16 : 28);
	bytes[0] = echo[to.family].domain;
	bytes.set(addressBytes(to), to.family === 4 ? 4 : 8);
	return bytes;
}

/** The Internet checksum, RFC 1071. */
export function checksum(bytes: Buffer): number {
	let sum = 0;
	for (let at = 0; at < bytes.length; at += 2) {
		sum += bytes.readUInt16BE(at);
	}

	while (sum > 0xFF_FF) {
		sum = (sum & 0xFF_FF) + (sum >> 16);
	}

	return ~sum & 0xFF_FF;
}
