/** The two packets that open an SCTP association, so that a firewall can be asked about them even where the kernel has no SCTP. RFC 9260. */
import {longs, words} from './bytes.ts';
import type {Payload, Ports} from './packet.ts';
import {protocol} from './protocols.ts';

const chunk = {init: 1, initAck: 2} as const;
const [tag, window, streams, firstNumber] = [0x5E_C0_4E_71, 65_536, 1, 1] as const;

export function sctpInit(ports: Ports): Payload {
	return packet(ports, 0, chunkOf(chunk.init, Buffer.alloc(0)));
}

/** The answer to INIT, with the state cookie that it must have. */
export function sctpInitAck(ports: Ports): Payload {
	return packet(ports, tag, chunkOf(chunk.initAck, Buffer.concat([words(7, 8), longs(0)])));
}

function chunkOf(type: number, parameters: Buffer): Buffer {
	return Buffer.concat([words(type * 256, 20 + parameters.length), longs(tag, window), words(streams, streams), longs(firstNumber), parameters]);
}

/** The verification tag is the one that the other side gave; in an INIT it is 0. */
function packet(ports: Ports, verification: number, body: Buffer): Payload {
	const bytes = Buffer.concat([words(...ports), longs(verification, 0), body]);
	bytes.writeUInt32LE(crc32c(bytes), 8);
	return {protocol: protocol.sctp, bytes};
}

/** CRC32c, bit by bit: packets are short. RFC 9260, appendix A. */
export function crc32c(bytes: Uint8Array): number {
	let crc = 0xFF_FF_FF_FF;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++) {
			crc = (crc >>> 1) ^ (crc & 1 ? 0x82_F6_3B_78 : 0);
		}
	}

	return ~crc >>> 0;
}
