/** Makes the packets that no socket would send, or not with these addresses: IPv4 and IPv6 headers, and what they carry. */
import {checksum} from '../kernel/icmp.ts';
import {type Address, addressBytes} from '../util/address.ts';
import {evened, longs, words} from './bytes.ts';
import {icmpType, protocol, tcpFlag, unreachableCode} from './protocols.ts';

/** What an IP packet carries. Its checksum depends on the addresses, so it is made last. */
export type Payload = {
	/** IP protocol number. */
	readonly protocol: number;
	/** Checksum field zero. */
	readonly bytes: Buffer;
	/** Where the Internet checksum belongs; undefined for a protocol that has none. */
	readonly checksumAt?: number;
	/** Whether the checksum also covers the addresses. */
	readonly pseudoHeader?: boolean;
};

const defaultHopLimit = 64;

/** @throws TypeError when the addresses are of two families */
export function ipPacket(source: Address, destination: Address, payload: Payload, hopLimit = defaultHopLimit): Buffer {
	if (source.family !== destination.family) {
		throw new TypeError('A packet has addresses of one family.');
	}

	const body = withChecksum(source, destination, payload);
	const addresses = Buffer.concat([addressBytes(source), addressBytes(destination)]);
	return source.family === 4
		? Buffer.concat([ipv4Header((hopLimit * 256) + payload.protocol, body.length, addresses), addresses, body])
		: Buffer.concat([words(0x60_00, 0, body.length, (payload.protocol * 256) + hopLimit), addresses, body]);
}

/** @param kind hop limit and protocol */
function ipv4Header(kind: number, length: number, addresses: Buffer): Buffer {
	const header = words(0x45_00, 20 + length, 0, 0x40_00, kind, 0);
	header.writeUInt16BE(checksum(Buffer.concat([header, addresses])), 10);
	return header;
}

/** What a packet between these addresses carries. */
export function withChecksum(source: Address, destination: Address, {protocol: number, bytes, checksumAt, pseudoHeader}: Payload): Buffer {
	if (checksumAt === undefined) {
		return bytes;
	}

	const pseudo = pseudoHeader || source.family === 6 ? Buffer.concat([addressBytes(source), addressBytes(destination), longs(bytes.length, number)]) : Buffer.alloc(0);
	const sum = checksum(evened(Buffer.concat([pseudo, bytes])));
	const body = Buffer.from(bytes);
	// A UDP checksum of 0 would say that there is none.
	body.writeUInt16BE(number === protocol.udp && sum === 0 ? 0xFF_FF : sum, checksumAt);
	return body;
}

export type Ports = readonly [source: number, destination: number];

/** RFC 768. */
export function udp([source, destination]: Ports, data: Buffer = Buffer.alloc(0)): Payload {
	return {protocol: protocol.udp, bytes: Buffer.concat([words(source, destination, 8 + data.length, 0), data]), checksumAt: 6, pseudoHeader: true};
}

/** A segment without data. RFC 9293. @param flags bits of `tcpFlag` */
export function tcp([source, destination]: Ports, flags: number = tcpFlag.syn, sequence = 1): Payload {
	const acknowledged = flags & tcpFlag.ack ? 1 : 0;
	return {protocol: protocol.tcp, bytes: Buffer.concat([words(source, destination), longs(sequence, acknowledged), words(0x50_00 | flags, 0xFF_FF, 0, 0)]), checksumAt: 16, pseudoHeader: true};
}

/** @param identifier 16 bits, which the reply brings back */
export function echoRequest(family: 4 | 6, identifier: number): Payload {
	return icmp(family, icmpType[family].echo, 0, words(identifier, 1));
}

/** The error that says: nobody listens there, or a firewall prohibits it. @param quoted the packet it is about, from its IP header on */
export function unreachable(family: 4 | 6, code: keyof (typeof unreachableCode)[4], quoted: Buffer): Payload {
	return icmp(family, icmpType[family].unreachable, unreachableCode[family][code], Buffer.concat([words(0, 0), quoted]));
}

function icmp(family: 4 | 6, type: number, code: number, rest: Buffer): Payload {
	return {protocol: family === 4 ? protocol.icmp : protocol.icmp6, bytes: Buffer.concat([words((type * 256) + code, 0), rest]), checksumAt: 2};
}
