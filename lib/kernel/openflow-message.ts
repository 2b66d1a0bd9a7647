/** OpenFlow messages: their header, their types, and how a stream is cut into them. See the OpenFlow 1.4 specification, section 7.1. */

/** Version 1.4 on the wire. */
export const version = 5;
export const headerLength = 8;
/** Types of messages (OFPT_…). */
export const type = {hello: 0, error: 1, echoRequest: 2, echoReply: 3, getConfigRequest: 7, getConfigReply: 8, setConfig: 9, packetIn: 10, flowMod: 14, multipartRequest: 18, multipartReply: 19, barrierRequest: 20, bundleControl: 33, bundleAdd: 34} as const;

/** A whole message, header included. */
export type Message = {readonly type: number; readonly xid: number; readonly bytes: Buffer};

/** A message with its header. */
export function makeMessage(messageType: number, xid: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
	const bytes = Buffer.alloc(headerLength + body.length);
	writeHeader(bytes, messageType, xid);
	bytes.set(body, headerLength);
	return bytes;
}

/** Fills in the header of a message that stands at `at`; without `length` it goes on to the end. */
export function writeHeader(bytes: Buffer, messageType: number, xid: number, at = 0, length = bytes.length - at): void {
	bytes.writeUInt8(version, at);
	bytes.writeUInt8(messageType, at + 1);
	bytes.writeUInt16BE(length, at + 2);
	bytes.writeUInt32BE(xid, at + 4);
}

/** Cuts a stream into messages by the lengths in their headers. */
export class MessageCutter {
	#begun: Buffer = Buffer.alloc(0);

	/** Returns the messages that the chunk completes; keeps the rest. */
	cut(chunk: Buffer): Message[] {
		const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
		const messages: Message[] = [];
		let at = 0;
		while (bytes.length - at >= headerLength && bytes.length - at >= bytes.readUInt16BE(at + 2)) {
			const message = bytes.subarray(at, at + Math.max(headerLength, bytes.readUInt16BE(at + 2)));
			messages.push({type: message.readUInt8(1), xid: message.readUInt32BE(4), bytes: message});
			at += message.length;
		}

		this.#begun = bytes.subarray(at);
		return messages;
	}
}
