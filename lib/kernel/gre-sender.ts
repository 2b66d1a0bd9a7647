/** What a tunnel's device gives becomes GRE packets, in batches. TCP comes in pieces of up to 64 kB, which are cut into segments here. RFC 2784, RFC 2890. */
import type {GreMemory} from './gre-memory.ts';

/** A tunnel as its thread knows it. */
export type ThreadTunnel = {
	/** Its number among those of the endpoint. */
	readonly number: number;
	readonly device: number;
	readonly layer3: boolean;
	/** -1 is none. */
	readonly key: number;
	/** Of the raw socket. */
	readonly socket: number;
	/** struct sockaddr of the other end. */
	readonly remote: Uint8Array;
	/** struct cmsghdr with the ttl. */
	readonly control: Uint8Array;
	/** Where these two lie for the kernel. */
	readonly remoteAddress: number;
	readonly controlAddress: number;
};

/** @returns how many messages went out, from the one with this number on; negative when that one could not */
export type Send = (socket: number, from: number, count: number) => number;

/** Part of the thread's program, as text: it names nothing that stands outside of it. */
export class GreSender {
	/** Offsets in struct virtio_net_hdr, which stands before each packet, and its numbers; linux/virtio_net.h. */
	static readonly #vnet = {length: 10, type: 1, segment: 4, start: 6, field: 8, needsChecksum: 1, ecn: 0x80} as const;
	static readonly #tcp = 6;
	readonly #memory: GreMemory;
	readonly #send: Send;
	#tunnel: ThreadTunnel | undefined;
	#count = 0;

	constructor(memory: GreMemory, send: Send) {
		this.#memory = memory;
		this.#send = send;
		const {batch, outgoing, outgoingMessages, outgoingVectors, slotLength} = memory.layout;
		for (let slot = 0; slot < batch; slot++) {
			const message = outgoingMessages + (64 * slot);
			memory.vector(outgoingVectors + (16 * slot), outgoing + (slotLength * slot), 0);
			memory.point(message + 16, outgoingVectors + (16 * slot));
			memory.view.setUint32(message + 24, 1, true);
		}
	}

	/** Takes what was read into the inbox. @param length bytes of it */
	take(tunnel: ThreadTunnel, length: number): void {
		const {view, layout: {inbox}} = this.#memory;
		const vnet = GreSender.#vnet;
		const packet = inbox + vnet.length;
		if (this.#tunnel !== tunnel) {
			this.flush();
			this.#tunnel = tunnel;
		}

		const start = packet + view.getUint16(inbox + vnet.start, true);
		if ((view.getUint8(inbox + vnet.type) & ~vnet.ecn) !== 0) {
			this.#cut(tunnel, packet, start, inbox + length, view.getUint16(inbox + vnet.segment, true));
			return;
		}

		if ((view.getUint8(inbox) & vnet.needsChecksum) !== 0) {
			// The field holds the sum of the pseudo header.
			this.#close(start, inbox + length, start + view.getUint16(inbox + vnet.field, true));
		}

		const slot = this.#begin(tunnel, this.#protocol(tunnel, packet), length - vnet.length);
		this.#memory.bytes.copyWithin(slot, packet, inbox + length);
	}

	/** Sends what waits. What cannot be sent is lost, as on any wire. */
	flush(): void {
		const socket = this.#tunnel?.socket;
		for (let from = 0; from < this.#count && socket !== undefined;) {
			const sent = this.#send(socket, from, this.#count - from);
			from += sent > 0 ? sent : 1;
		}

		this.#count = 0;
	}

	/** The next free slot, with its GRE header. @returns where the packet goes */
	#begin(tunnel: ThreadTunnel, protocol: number, length: number): number {
		const {view, layout: {batch, outgoing, outgoingMessages, outgoingVectors, slotLength}} = this.#memory;
		if (this.#count === batch) {
			this.flush();
		}

		const slot = outgoing + (slotLength * this.#count);
		const message = outgoingMessages + (64 * this.#count);
		const header = tunnel.key < 0 ? 4 : 8;
		this.#memory.pointOut(message, tunnel.remoteAddress);
		view.setUint32(message + 8, tunnel.remote.length, true);
		this.#memory.pointOut(message + 32, tunnel.controlAddress);
		view.setUint32(message + 40, tunnel.control.length, true);
		view.setUint32(outgoingVectors + (16 * this.#count) + 8, header + length, true);
		view.setUint32(slot, ((tunnel.key < 0 ? 0 : 0x20_00) * 0x1_00_00) + protocol);
		if (tunnel.key >= 0) {
			view.setUint32(slot + 4, tunnel.key);
		}

		this.#count++;
		return slot + header;
	}

	#protocol(tunnel: ThreadTunnel, packet: number): number {
		return tunnel.layer3 ? this.#memory.view.getUint8(packet) >> 4 === 6 ? 0x86_DD : 0x08_00 : 0x65_58;
	}

	/** Cuts a large piece of TCP into segments, each with the headers of the whole. @param start of the TCP header @param size bytes of data in each */
	#cut(tunnel: ThreadTunnel, packet: number, start: number, end: number, size: number): void {
		const {bytes, view} = this.#memory;
		const data = start + ((view.getUint8(start + 12) >> 4) * 4);
		const ip = this.#ip(tunnel, packet);
		const protocol = this.#protocol(tunnel, packet);
		if (size === 0 || data > end) {
			return;
		}

		const addresses = view.getUint8(ip) >> 4 === 4 ? this.#memory.sum(ip + 12, ip + 20) : this.#memory.sum(ip + 8, ip + 40);
		for (let from = data; from < end; from += size) {
			const length = Math.min(size, end - from);
			const slot = this.#begin(tunnel, protocol, data - packet + length);
			bytes.copyWithin(slot, packet, data);
			bytes.copyWithin(slot + data - packet, from, from + length);
			const last = slot + data - packet + length;
			const header = slot + start - packet;
			this.#shortenIp(slot + ip - packet, last, (from - data) / size);
			view.setUint32(header + 4, view.getUint32(start + 4) + from - data);
			// FIN and PSH are for the last segment, CWR for the first.
			view.setUint8(header + 13, view.getUint8(start + 13) & (from + length < end ? ~9 : ~0) & (from > data ? ~0x80 : ~0));
			view.setUint16(header + 16, 0);
			this.#close(header, last, header + 16, addresses + GreSender.#tcp + last - header);
		}
	}

	/** Behind the MAC addresses, and the tags of VLANs. */
	#ip(tunnel: ThreadTunnel, packet: number): number {
		if (tunnel.layer3) {
			return packet;
		}

		let type = packet + 12;
		while (this.#memory.view.getUint16(type) === 0x81_00 || this.#memory.view.getUint16(type) === 0x88_A8) {
			type += 4;
		}

		return type + 2;
	}

	/** The lengths in an IP header, and what tells IPv4 packets apart. */
	#shortenIp(ip: number, end: number, number: number): void {
		const {view} = this.#memory;
		if (view.getUint8(ip) >> 4 === 6) {
			view.setUint16(ip + 4, end - ip - 40);
			return;
		}

		view.setUint16(ip + 2, end - ip);
		view.setUint16(ip + 4, view.getUint16(ip + 4) + number);
		view.setUint16(ip + 10, 0);
		this.#close(ip, ip + ((view.getUint8(ip) & 0xF) * 4), ip + 10);
	}

	/** Writes a checksum. UDP calls 0 none, and the other form of the same number is as good for all. */
	#close(from: number, to: number, field: number, start = 0): void {
		this.#memory.view.setUint16(field, ~this.#memory.sum(from, to, start) & 0xFF_FF || 0xFF_FF);
	}
}
