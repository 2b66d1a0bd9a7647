/** Echo requests of limited TTL, and who answers them: the routers where they end, or the destination. As traceroute(8) with `-I`. RFC 792, RFC 4443. */
import {randomInt} from 'node:crypto';
import {type Address, type Family, fromBytes} from '../util/address.ts';
import {ICMP_FILTER, checksum, echo, onlyTypes, socketAddress} from './icmp.ts';
import {type Namespace, inside} from './namespace.ts';
import {SOCK_NONBLOCK, SOCK_RAW, bind, close, setSocketOption, socket, tryRecvFrom, trySendTo} from './syscall.ts';

/** Types of errors, and the option that sets the TTL: linux/icmp.h, linux/icmpv6.h, linux/in.h, linux/in6.h. */
const kinds = {
	4: {expired: 11, unreachable: 3, level: 0, ttlOption: 2},
	6: {expired: 3, unreachable: 1, level: 41, ttlOption: 16},
} as const;
/** Bytes: of an ICMP header; of an IPv6 header. Errors quote the packet they are about behind the first. */
const headers = {icmp: 8, ipv6: 40} as const;
/** As `ping` sends by default. */
const packetLength = 64;

export type TraceAnswer = {
	/** Of the request. */
	readonly number: number;
	/** The destination answered, the TTL ran out, or somebody says that there is no way. */
	readonly kind: 'reply' | 'expired' | 'unreachable';
	readonly from: Address;
};

export class TraceSocket {
	static readonly #buffer = Buffer.alloc(2048);
	readonly fd: number;
	readonly #family: Family;
	readonly #identifier = randomInt(0x1_00_00);

	/** @param source of the requests, an address of the namespace @throws KernelError */
	constructor(namespace: Namespace, source: Address) {
		const {domain, protocol, filterLevel, reply} = echo[source.family];
		const {expired, unreachable} = kinds[source.family];
		this.#family = source.family;
		this.fd = inside(namespace, () => socket(domain, SOCK_RAW | SOCK_NONBLOCK, protocol));
		try {
			setSocketOption(this.fd, filterLevel, ICMP_FILTER, onlyTypes(source.family, reply, expired, unreachable));
			inside(namespace, () => {
				bind(this.fd, socketAddress(source), 'trace');
			});
		} catch (error) {
			close(this.fd);
			throw error;
		}
	}

	/** Undefined when the request went out, else the errno's name, such as ENETUNREACH. @param number of 16 bits */
	send(to: Address, number: number, ttl: number): string | undefined {
		const {level, ttlOption} = kinds[this.#family];
		setSocketOption(this.fd, level, ttlOption, ttl);
		const packet = Buffer.alloc(packetLength);
		packet[0] = echo[this.#family].request;
		packet.writeUInt16BE(this.#identifier, 4);
		packet.writeUInt16BE(number, 6);
		if (this.#family === 4) {
			packet.writeUInt16BE(checksum(packet), 2);
		}

		return trySendTo(this.fd, packet, socketAddress(to));
	}

	/** The next answer to a request of this socket; undefined when none is waiting. */
	receive(): TraceAnswer | undefined {
		const buffer = TraceSocket.#buffer;
		const peer = Buffer.alloc(28);
		for (let length = tryRecvFrom(this.fd, buffer, peer); length !== undefined; length = tryRecvFrom(this.fd, buffer, peer)) {
			const from = fromBytes(this.#family === 4 ? peer.subarray(4, 8) : peer.subarray(8, 24));
			// An IPv4 raw socket delivers the IP header too.
			const answer = this.#read(buffer.subarray(this.#family === 4 ? ipv4HeaderLength(buffer) : 0, length), from);
			if (answer) {
				return answer;
			}
		}

		return undefined;
	}

	close(): void {
		close(this.fd);
	}

	#read(message: Buffer, from: Address): TraceAnswer | undefined {
		const {reply, request} = echo[this.#family];
		const type = message[0];
		if (type === reply) {
			return this.#answer(message, 'reply', from);
		}

		const quoted = message.subarray(headers.icmp);
		const inner = quoted.subarray(this.#family === 4 ? ipv4HeaderLength(quoted) : headers.ipv6);
		return inner[0] === request ? this.#answer(inner, type === kinds[this.#family].expired ? 'expired' : 'unreachable', from) : undefined;
	}

	#answer(echoed: Buffer, kind: TraceAnswer['kind'], from: Address): TraceAnswer | undefined {
		return echoed.length >= headers.icmp && echoed.readUInt16BE(4) === this.#identifier ? {number: echoed.readUInt16BE(6), kind, from} : undefined;
	}
}

/** In words of four bytes in the low half of the first byte. */
function ipv4HeaderLength(packet: Buffer): number {
	return ((packet[0] ?? 0) & 0xF) * 4;
}
