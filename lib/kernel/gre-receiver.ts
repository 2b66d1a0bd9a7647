/** What comes to a raw socket of GRE is checked, and finds the tunnel that it belongs to. RFC 2784, RFC 2890. */
import type {GreMemory} from './gre-memory.ts';
import type {ThreadTunnel} from './gre-sender.ts';

export type Take = (tunnel: ThreadTunnel, at: number, end: number) => void;

/** Part of the thread's program, as text: it names nothing that stands outside of it. */
export class GreReceiver {
	/** Bits of the first two bytes. A receiver discards what has any of bits 1 to 5 that it does not know, such as routing, and ignores bits 6 to 12 (RFC 2784, 2.3). */
	static readonly #flag = {checksum: 0x80_00, key: 0x20_00, sequence: 0x10_00, unknown: 0x4C_00, version: 7} as const;
	static readonly #ethernet = 0x65_58;
	readonly #memory: GreMemory;
	readonly #take: Take;
	/** Of the packet that was parsed last. */
	#packet = 0;
	#key = -1;

	constructor(memory: GreMemory, take: Take) {
		this.#memory = memory;
		this.#take = take;
		const {batch, headroom, incoming, incomingMessages, incomingVectors, nameLength, names, slotLength} = memory.layout;
		for (let slot = 0; slot < batch; slot++) {
			const message = incomingMessages + (64 * slot);
			memory.vector(incomingVectors + (16 * slot), incoming + (slotLength * slot) + headroom, slotLength - headroom);
			memory.point(message, names + (nameLength * slot));
			memory.view.setUint32(message + 8, nameLength, true);
			memory.point(message + 16, incomingVectors + (16 * slot));
			memory.view.setUint32(message + 24, 1, true);
		}
	}

	/** Looks at the packet that came into a slot. @param tunnels those of its socket, by where their packets come from */
	receive(slot: number, family: 4 | 6, tunnels: ReadonlyMap<number, readonly ThreadTunnel[]>): void {
		const {view, layout: {headroom, incoming, incomingMessages, nameLength, names, slotLength}} = this.#memory;
		const message = incomingMessages + (64 * slot);
		const start = incoming + (slotLength * slot) + headroom;
		const end = start + view.getUint32(message + 56, true);
		// The kernel has written how long the name is; the next one may be longer.
		view.setUint32(message + 8, nameLength, true);
		// A raw socket of IPv4 gives the IP header too.
		const gre = family === 4 ? start + ((view.getUint8(start) & 0xF) * 4) : start;
		const name = names + (nameLength * slot);
		for (const tunnel of this.#parse(gre, end) ? tunnels.get(this.source(view, name)) ?? [] : []) {
			if (tunnel.key === this.#key && tunnel.layer3 === this.#isLayer3(gre) && this.#isFrom(name, tunnel)) {
				this.#take(tunnel, this.#packet, end);
			}
		}
	}

	/** A number for the address in a struct sockaddr: the same for equal ones, and mostly another for others. */
	source(view: DataView, name: number): number {
		return view.getUint16(name, true) === 2 ? view.getUint32(name + 4) : (view.getUint32(name + 8) ^ view.getUint32(name + 12) ^ view.getUint32(name + 16) ^ view.getUint32(name + 20)) >>> 0;
	}

	#isFrom(name: number, {remote}: ThreadTunnel): boolean {
		const [from, to] = remote.length === 16 ? [4, 8] : [8, 24];
		for (let at = from; at < to; at++) {
			if (this.#memory.bytes[name + at] !== remote[at]) {
				return false;
			}
		}

		return true;
	}

	/**
	Whether it is a GRE packet to be taken; then its key and where its content begins are known. A kernel's GRE with `csum` at the other end of a veth pair leaves its sum
	unfinished, which cannot be told from a wrong one: there transmit checksum offload of that interface has to be off.
	*/
	#parse(gre: number, end: number): boolean {
		const {view} = this.#memory;
		const flag = GreReceiver.#flag;
		const flags = gre + 4 <= end ? view.getUint16(gre) : flag.unknown;
		const checksum = (flags & flag.checksum) === 0 ? 0 : 4;
		const key = (flags & flag.key) === 0 ? 0 : 4;
		const sequence = (flags & flag.sequence) === 0 ? 0 : 4;
		this.#packet = gre + 4 + checksum + key + sequence;
		if ((flags & (flag.unknown | flag.version)) !== 0 || this.#packet >= end) {
			return false;
		}

		this.#key = key === 0 ? -1 : view.getUint32(gre + 4 + checksum);
		return this.#isKnown(gre) && (checksum === 0 || this.#memory.sum(gre, end) === 0xFF_FF);
	}

	/** Whether the protocol is Ethernet, or an IP that the packet is. */
	#isKnown(gre: number): boolean {
		const type = this.#memory.view.getUint16(gre + 2);
		const version = this.#memory.view.getUint8(this.#packet) >> 4;
		return type === GreReceiver.#ethernet || (type === 0x08_00 && version === 4) || (type === 0x86_DD && version === 6);
	}

	#isLayer3(gre: number): boolean {
		return this.#memory.view.getUint16(gre + 2) !== GreReceiver.#ethernet;
	}
}
