/** A packet that a flow has sent to its controller. See the OpenFlow 1.4 specification, section 7.4.1. */
import {headerLength} from './openflow-message.ts';

export type PacketIn = {
	/** Of the flow that sent it. */
	readonly cookie: bigint;
	readonly table: number;
	/** Bytes of the whole packet. */
	readonly length: number;
	/** The frame from its Ethernet header on; Open vSwitch 3.1 sends all of it, whatever the flow asked for. */
	readonly frame: Buffer;
};

/** Where fields stand behind the header; the match follows them, padded to eight bytes, and two bytes of padding. */
const at = {length: 4, table: 7, cookie: 8, match: 16} as const;
const padding = 2;

/** @param bytes the whole message; the frame is a part of it */
export function readPacketIn(bytes: Buffer): PacketIn {
	const body = bytes.subarray(headerLength);
	const matchLength = body.readUInt16BE(at.match + 2);
	return {
		cookie: body.readBigUInt64BE(at.cookie),
		table: body.readUInt8(at.table),
		length: body.readUInt16BE(at.length),
		frame: body.subarray(at.match + (Math.ceil(matchLength / 8) * 8) + padding),
	};
}
