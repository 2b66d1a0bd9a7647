/** What a witness understands of a frame: whose packet it is, or which packet an error is about. */
import {type Address, fromBytes} from '../util/address.ts';
import {etherType, icmpType, protocol, tcpFlag, unreachableCode} from './protocols.ts';

/** Tells the packets of one direction of a probe from all others: protocol, addresses, and the two words that follow (ports; of an echo its identifier). */
export type FlowKey = string;

export type Seen = {
	readonly flow: FlowKey;
	/** A packet of the flow, a reset of it, or an error about it: prohibited by a firewall, or unreachable for any other reason. */
	readonly kind: 'packet' | 'reset' | 'prohibited' | 'unreachable';
};

/** Codes of destination unreachable that say that it is not allowed: network, host, or all of it (RFC 1812, RFC 4443). */
const prohibitions = {4: new Set([9, 10, unreachableCode[4].prohibited]), 6: new Set([unreachableCode[6].prohibited, 5, 6])} as const;

const [ethernetHeader, ipv6Header] = [14, 40];

/** Undefined for what is neither a packet of a probe nor an error about one. */
export function readFrame(frame: Buffer): Seen | undefined {
	if (frame.length < ethernetHeader) {
		return undefined;
	}

	const type = frame.readUInt16BE(12);
	return type === etherType.ipv4 || type === etherType.ipv6 ? readPacket(frame.subarray(ethernetHeader)) : undefined;
}

/** The same, of what has no Ethernet header. */
export function readPacket(packet: Buffer): Seen | undefined {
	const header = readHeader(packet);
	if (!header || header.body.length < 8) {
		return undefined;
	}

	const {number, body} = header;
	return number === protocol.icmp || number === protocol.icmp6 ? readIcmp(header) : {
		flow: flowKey(number, header, [body.readUInt16BE(0), body.readUInt16BE(2)]),
		kind: number === protocol.tcp && body.length > 13 && ((body[13] ?? 0) & tcpFlag.rst) !== 0 ? 'reset' : 'packet',
	};
}

type Header = {readonly family: 4 | 6; readonly number: number; readonly source: Address; readonly destination: Address; readonly body: Buffer};

/** Probes send no extension headers. */
function readHeader(packet: Buffer): Header | undefined {
	const version = (packet[0] ?? 0) >> 4;
	if (version === 4 && packet.length >= 20) {
		const length = ((packet[0] ?? 0) & 0xF) * 4;
		return {family: 4, number: packet[9] ?? 0, source: fromBytes(packet.subarray(12, 16)), destination: fromBytes(packet.subarray(16, 20)), body: packet.subarray(length)};
	}

	return version === 6 && packet.length >= ipv6Header
		? {family: 6, number: packet[6] ?? 0, source: fromBytes(packet.subarray(8, 24)), destination: fromBytes(packet.subarray(24, 40)), body: packet.subarray(ipv6Header)}
		: undefined;
}

function readIcmp(header: Header): Seen | undefined {
	const {family, number, body} = header;
	const types = icmpType[family];
	const [type, code] = [body[0] ?? 0, body[1] ?? 0];
	if (type === types.echo || type === types.echoReply) {
		const identifier = body.readUInt16BE(4);
		return {flow: flowKey(number, header, [identifier, identifier]), kind: 'packet'};
	}

	const about = type === types.unreachable ? readPacket(body.subarray(8)) : undefined;
	return about && {flow: about.flow, kind: prohibitions[family].has(code) ? 'prohibited' : 'unreachable'};
}

type Ends = {readonly source: Address; readonly destination: Address};

export function flowKey(number: number, {source, destination}: Ends, [first, second]: readonly [number, number]): FlowKey {
	return `${source.family} ${number} ${source.value}:${first} > ${destination.value}:${second}`;
}
