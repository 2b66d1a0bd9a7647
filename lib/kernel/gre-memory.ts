/** The memory that packets lie in between two system calls of the GRE thread: it does not move, so the kernel can be told where they are. */

/** Bytes that one packet can take: the longest of IPv4 and IPv6, and the headers around it. No power of two, or all packets would compete for the same lines of the cache. */
const slotLength = 66_112;
/** Packets in one system call. */
const batch = 64;
/** Bytes of struct iovec, struct mmsghdr and struct sockaddr_in6, on every machine with pointers of 64 bits. */
const iovecLength = 16;
const messageLength = 64;
const nameLength = 28;

/** Where everything lies, in bytes from the start. */
export const greLayout = {
	batch,
	slotLength,
	/** Free bytes before a packet that came: room for the header that a device wants. */
	headroom: 16,
	/** What was read from a device. */
	inbox: 0,
	outgoing: slotLength,
	incoming: slotLength * (batch + 1),
	/** struct mmsghdr of each slot, and the one struct iovec that each has. */
	outgoingMessages: slotLength * (2 * batch + 1),
	incomingMessages: slotLength * (2 * batch + 1) + batch * messageLength,
	outgoingVectors: slotLength * (2 * batch + 1) + batch * 2 * messageLength,
	incomingVectors: slotLength * (2 * batch + 1) + batch * (2 * messageLength + iovecLength),
	/** Parts of what is written to a device. */
	parts: slotLength * (2 * batch + 1) + batch * 2 * (messageLength + iovecLength),
	/** struct sockaddr of who sent what came. */
	nameLength,
	names: slotLength * (2 * batch + 1) + batch * (2 * messageLength + 3 * iovecLength),
	total: slotLength * (2 * batch + 1) + batch * (2 * messageLength + 3 * iovecLength + nameLength),
} as const;

export type GreLayout = typeof greLayout;

/** Part of the thread's program, as text: it names nothing that stands outside of it. */
export class GreMemory {
	readonly layout: GreLayout;
	readonly bytes: Uint8Array;
	/** Network byte order, unless it is told otherwise. */
	readonly view: DataView;
	/** Where it begins for the kernel. */
	readonly #address: number;

	constructor(layout: GreLayout, bytes: Uint8Array, address: number) {
		this.layout = layout;
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#address = address;
	}

	/** The sum of RFC 1071, not yet complemented. Odd bytes at the end count as if a zero followed. */
	sum(from: number, to: number, start = 0): number {
		const {view} = this;
		let [even, odd, at] = [start, 0, from];
		// Four bytes at a time, as 65,536 is 1 modulo 65,535; and two sums, because an addition waits for the one before it.
		for (const last = to - 8; at <= last; at += 8) {
			even += view.getUint32(at);
			odd += view.getUint32(at + 4);
		}

		for (; at < to; at++) {
			even += (at - from) % 2 === 0 ? view.getUint8(at) << 8 : view.getUint8(at);
		}

		return GreMemory.#fold(even + odd);
	}

	/** Carries what is above 16 bits around. */
	static #fold(sum: number): number {
		const high = Math.floor(sum / 0x1_00_00_00_00);
		const low = sum - (high * 0x1_00_00_00_00);
		const folded = (high & 0xFF_FF) + (low >>> 16) + (low & 0xFF_FF);
		const again = (folded & 0xFF_FF) + (folded >>> 16);
		return (again & 0xFF_FF) + (again >>> 16);
	}

	/** Writes a pointer to a place of this memory. */
	point(at: number, to: number): void {
		this.pointOut(at, this.#address + to);
	}

	/** Writes a pointer to elsewhere. Numbers are exact: an address of user space has 57 bits at most, of which programs get 47 unless they ask. */
	pointOut(at: number, address: number): void {
		this.view.setUint32(at, address % 0x1_00_00_00_00, true);
		this.view.setUint32(at + 4, Math.floor(address / 0x1_00_00_00_00), true);
	}

	/** Fills a struct iovec, whose length has 32 bits at most here. */
	vector(at: number, to: number, length: number): void {
		this.point(at, to);
		this.view.setUint32(at + 8, length, true);
	}
}
