/** Frames with right checksums for ports of the dummy datapath, whole or in fragments. Ethernet, RFC 791, 8200, 792, 768, 9293. */
import {addressBytes, macBytes, parseAddress} from '../../lib/util/address.ts';

export type Datagram = {
	readonly macs: readonly [source: string, destination: string];
	readonly addresses: readonly [source: string, destination: string];
	/** IP protocol number. */
	readonly protocol: number;
	readonly payload: Buffer;
};

/** `opens` is SYN. */
export const tcpFlags = {opens: 0x02, reset: 0x14, acknowledges: 0x10} as const;

const etherTypes = {4: 0x08_00, 6: 0x86_DD} as const;
const moreFragments = {4: 0x20_00, 6: 1} as const;
const headerLength = 20;
const fragmentHeader = 44;
const destinationOptions = 60;

type Ends = Pick<Datagram, 'macs' | 'addresses'>;
type Ports = readonly [source: number, destination: number];

export function udpDatagram(ends: Ends, [source, destination]: Ports, length = 8): Datagram {
	const datagram = Buffer.concat([words(source, destination, 8 + length, 0), Buffer.alloc(length)]);
	datagram.writeUInt16BE(transportChecksum(ends, 17, datagram), 6);
	return {...ends, protocol: 17, payload: datagram};
}

export function tcpSegment(ends: Ends, [source, destination]: Ports, flags: number): Datagram {
	const header = words(source, destination, 0, 1, 0, 2, 0x50_00 | flags, 0xFF_FF, 0, 0);
	header.writeUInt16BE(transportChecksum(ends, 6, header), 16);
	return {...ends, protocol: 6, payload: header};
}

/** @param identifier of an echo; 0 in errors */
export function icmpMessage(ends: Ends, [type, code]: readonly [number, number], data: Buffer, identifier = 0): Datagram {
	const message = Buffer.concat([words((type << 8) | code, 0, identifier, 0), data]);
	message.writeUInt16BE(checksum(message), 2);
	return {...ends, protocol: 1, payload: message};
}

/** The same behind destination options of so many bytes, a multiple of 8, that say nothing (RFC 8200, 4.6). */
export function behindOptions(datagram: Datagram, length: number): Datagram {
	const header = Buffer.alloc(length);
	header.set([datagram.protocol, (length / 8) - 1]);
	const padding = 255;
	for (let at = 2; at < length; at += padding) {
		const rest = Math.min(padding, length - at);
		header.set(rest === 1 ? [0] : [1, rest - 2], at);
	}

	return {...datagram, protocol: destinationOptions, payload: Buffer.concat([header, datagram.payload])};
}

/** The error that quotes a packet. */
export function unreachable(ends: Ends, code: number, about: Datagram): Datagram {
	return icmpMessage(ends, [3, code], ipPacket(about, 1, 0, false, about.payload.subarray(0, 8)));
}

/** @param sizes bytes of payload in each fragment but the last, multiples of 8; none for a whole packet */
export function framesOf(datagram: Datagram, sizes: readonly number[] = [], identification = 1): string[] {
	const starts = [0, ...sizes.map((_, index) => sizes.slice(0, index + 1).reduce((sum, size) => sum + size, 0))];
	return starts.map((start, index) => {
		const end = starts[index + 1];
		const {family} = parseAddress(datagram.addresses[0]);
		const packetOf = family === 4 ? ipPacket : ipv6Fragment;
		const packet = packetOf(datagram, identification, start, end !== undefined, datagram.payload.subarray(start, end));
		const [source, destination] = datagram.macs;
		return Buffer.concat([macBytes(destination), macBytes(source), words(etherTypes[family]), packet]).toString('hex');
	});
}

function ipPacket({addresses, protocol}: Datagram, identification: number, start: number, more: boolean, payload: Buffer): Buffer {
	const header = Buffer.concat([
		words(0x45_00, headerLength + payload.length, identification, (more ? moreFragments[4] : 0) | (start / 8), 0x40_00 | protocol, 0),
		...bytesOf(addresses),
	]);
	header.writeUInt16BE(checksum(header), 10);
	return Buffer.concat([header, payload]);
}

/** A whole packet is a fragment too, the only one. */
function ipv6Fragment({addresses, protocol}: Datagram, identification: number, start: number, more: boolean, payload: Buffer): Buffer {
	return Buffer.concat([
		words(0x60_00, 0, 8 + payload.length, (fragmentHeader << 8) | 64),
		...bytesOf(addresses),
		words(protocol << 8, start | (more ? moreFragments[6] : 0), 0, identification),
		payload,
	]);
}

function bytesOf(addresses: Datagram['addresses']): Uint8Array[] {
	return addresses.map(text => addressBytes(parseAddress(text)));
}

/** Over the addresses and the protocol too. */
function transportChecksum({addresses}: Ends, protocol: number, segment: Buffer): number {
	return checksum(Buffer.concat([...bytesOf(addresses), words(protocol, segment.length), segment]));
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
	let sum = 0;
	for (let offset = 0; offset < bytes.length; offset += 2) {
		sum += offset + 1 < bytes.length ? bytes.readUInt16BE(offset) : bytes.readUInt8(offset) << 8;
	}

	while (sum > 0xFF_FF) {
		sum = (sum & 0xFF_FF) + (sum >> 16);
	}

	return 0xFF_FF - sum;
}

/** 16 bits each, most significant byte first. */
function words(...values: readonly number[]): Buffer {
	const bytes = Buffer.alloc(values.length * 2);
	values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
	return bytes;
}
