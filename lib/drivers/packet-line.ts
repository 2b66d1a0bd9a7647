/** A packet in one line, as logs show it: `tcp 10.0.10.10:40000 > 10.0.20.20:80`. */
import {protocolName} from '../kernel/protocol.ts';
import {formatAddress, fromBytes} from '../util/address.ts';

/** Bytes of an Ethernet header, and of an 802.1Q tag in it. */
const ethernet = {header: 14, tag: 4, tagged: 0x81_00} as const;
const ipv6Header = 40;
/** Extension headers that stand before what a packet carries, and of them the one whose length is fixed (RFC 8200). */
const extensions: ReadonlySet<number> = new Set([0, 43, 60]);
const fragment = 44;
/** No honest packet has more than one of each and two of destination options (RFC 8200, 4.1). */
const mostExtensions = 8;
const withPorts: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'dccp', 'udplite']);

/** What a frame carries, from the IP header on. */
export function packetIn(frame: Buffer): Buffer {
	const isTagged = frame.length > ethernet.header && frame.readUInt16BE(12) === ethernet.tagged;
	return frame.subarray(ethernet.header + (isTagged ? ethernet.tag : 0));
}

/** @param packet from the IP header on; its end may be missing */
export function packetLine(packet: Buffer): string {
	const version = (packet[0] ?? 0) >> 4;
	if (version === 4 && packet.length >= 20) {
		const [source, destination] = [packet.subarray(12, 16), packet.subarray(16, 20)];
		const isLater = (packet.readUInt16BE(6) & 0x1F_FF) !== 0;
		return line(source, destination, packet[9] ?? 0, isLater ? Buffer.alloc(0) : packet.subarray(((packet[0] ?? 0) & 0xF) * 4));
	}

	if (version === 6 && packet.length >= ipv6Header) {
		const {protocol, body} = behindExtensions(packet[6] ?? 0, packet.subarray(ipv6Header));
		return line(packet.subarray(8, 24), packet.subarray(24, 40), protocol, body);
	}

	return 'not an IP packet';
}

/** @param left how many headers more are looked behind */
function behindExtensions(protocol: number, body: Buffer, left = mostExtensions): {protocol: number; body: Buffer} {
	if (left === 0 || body.length < 8) {
		return {protocol, body};
	}

	if (protocol === fragment) {
		const isLater = (body.readUInt16BE(2) & 0xFF_F8) !== 0;
		return isLater ? {protocol: body[0] ?? 0, body: Buffer.alloc(0)} : behindExtensions(body[0] ?? 0, body.subarray(8), left - 1);
	}

	return extensions.has(protocol) ? behindExtensions(body[0] ?? 0, body.subarray(((body[1] ?? 0) + 1) * 8), left - 1) : {protocol, body};
}

function line(source: Buffer, destination: Buffer, protocol: number, body: Buffer): string {
	const name = protocolName(protocol);
	const [from, to] = [source, destination].map(bytes => formatAddress(fromBytes(bytes)));
	if (withPorts.has(name) && body.length >= 4) {
		const bracketed = (address = '') => address.includes(':') ? `[${address}]` : address;
		return `${name} ${bracketed(from)}:${body.readUInt16BE(0)} > ${bracketed(to)}:${body.readUInt16BE(2)}`;
	}

	const kind = name.startsWith('icmp') && body.length >= 2 ? ` type ${body[0] ?? 0} code ${body[1] ?? 0}` : '';
	return `${/^\d/.test(name) ? `proto ${name}` : name} ${from} > ${to}${kind}`;
}
