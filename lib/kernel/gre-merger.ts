/** Successive segments of a TCP connection become one large piece before they are written to a device: the rest of the way costs the same for one as for forty. */
import type {GreMemory} from './gre-memory.ts';
import type {ThreadTunnel} from './gre-sender.ts';

/** Writes parts of memory to a device as one packet. */
export type Write = (device: number, parts: number) => void;

/** Part of the thread's program, as text: it names nothing that stands outside of it. */
export class GreMerger {
	/** struct virtio_net_hdr, linux/virtio_net.h. */
	static readonly #vnet = {length: 10, needsChecksum: 1, tcp4: 1, tcp6: 4} as const;
	/** Bytes; what an IP header can say. */
	static readonly #longest = 65_535;
	readonly #memory: GreMemory;
	readonly #write: Write;
	#tunnel: ThreadTunnel | undefined;
	/** What waits: where it begins, how many bytes it has, and in how many parts they lie. */
	#first = 0;
	#length = 0;
	#parts = 0;
	/** Where its IP header, its TCP header and its data begin. */
	#ip = 0;
	#tcp = 0;
	#data = 0;
	/** The same of the packet that was looked at last. */
	#nextIp = 0;
	#nextTcp = 0;
	#nextData = 0;
	/** Bytes of data in its first segment. */
	#segment = 0;

	constructor(memory: GreMemory, write: Write) {
		this.#memory = memory;
		this.#write = write;
	}

	/** Takes a packet that came out of a tunnel; it goes to the device now or with `flush`. */
	take(tunnel: ThreadTunnel, at: number, end: number): void {
		const isSegment = this.#isSegment(tunnel, at, end);
		if (isSegment && tunnel === this.#tunnel && this.#continues(at, end)) {
			this.#append(end);
			return;
		}

		this.flush();
		const {bytes, layout: {parts}} = this.#memory;
		this.#tunnel = tunnel;
		[this.#first, this.#length, this.#parts] = [at, end - at, 1];
		[this.#ip, this.#tcp, this.#data, this.#segment] = [this.#nextIp, this.#nextTcp, this.#nextData, end - this.#nextData];
		bytes.fill(0, at - GreMerger.#vnet.length, at);
		this.#memory.vector(parts, at - GreMerger.#vnet.length, end - at + GreMerger.#vnet.length);
		if (!isSegment || this.#isPushed(this.#tcp)) {
			this.flush();
		}
	}

	/** Writes what waits. */
	flush(): void {
		if (this.#tunnel && this.#parts > 0) {
			if (this.#parts > 1) {
				this.#describe();
			}

			this.#write(this.#tunnel.device, this.#parts);
		}

		this.#parts = 0;
		this.#tunnel = undefined;
	}

	/** Whether it is a whole TCP segment with data and nothing special about it, sums correct. Then it is known where its parts begin. */
	#isSegment(tunnel: ThreadTunnel, at: number, end: number): boolean {
		const {view} = this.#memory;
		const ip = tunnel.layer3 ? at : at + 14;
		// Bytes of the shortest IPv6 packet: what is shorter is not worth the looking.
		if (end - ip < 40 || !this.#isTcp(ip, end) || (!tunnel.layer3 && view.getUint16(at + 12) !== (this.#isIpv4(ip) ? 0x08_00 : 0x86_DD))) {
			return false;
		}

		const tcp = ip + (this.#isIpv4(ip) ? 20 : 40);
		const data = tcp + 20 < end ? tcp + ((view.getUint8(tcp + 12) >> 4) * 4) : end;
		[this.#nextIp, this.#nextTcp, this.#nextData] = [ip, tcp, data];
		// Of the flags, ACK and perhaps PSH. What has a wrong sum goes alone, so that its receiver finds out.
		return data >= tcp + 20 && data < end && (view.getUint8(tcp + 13) & ~8) === 0x10 && this.#memory.sum(tcp, end, this.#pseudo(ip, tcp, end)) === 0xFF_FF;
	}

	/** Whether it is IPv4 without options that is not to be fragmented, or IPv6 without extension headers, and TCP up to the end. */
	#isTcp(ip: number, end: number): boolean {
		const {view} = this.#memory;
		return view.getUint8(ip) === 0x45
			? view.getUint16(ip + 2) === end - ip && view.getUint16(ip + 6) === 0x40_00 && view.getUint8(ip + 9) === 6 && this.#memory.sum(ip, ip + 20) === 0xFF_FF
			: view.getUint8(ip) >> 4 === 6 && view.getUint16(ip + 4) === end - ip - 40 && view.getUint8(ip + 6) === 6;
	}

	#isIpv4(ip: number): boolean {
		return this.#memory.view.getUint8(ip) >> 4 === 4;
	}

	/** Whether it follows what waits, of the same connection, with equal headers. */
	#continues(at: number, end: number): boolean {
		const {view, layout: {batch}} = this.#memory;
		const length = end - this.#nextData;
		return this.#parts < batch && length <= this.#segment && this.#length + length <= GreMerger.#longest
			&& view.getUint32(this.#nextTcp + 4) === (view.getUint32(this.#tcp + 4) + this.#first + this.#length - this.#data) % 0x1_00_00_00_00
			&& this.#equal(at, this.#first, this.#nextIp - at) && this.#hasEqualIp() && this.#hasEqualTcp();
	}

	/** All but lengths, checksum and what tells IPv4 packets apart. */
	#hasEqualIp(): boolean {
		const [next, ip] = [this.#nextIp, this.#ip];
		return this.#isIpv4(next)
			? this.#equal(next, ip, 2) && this.#equal(next + 6, ip + 6, 4) && this.#equal(next + 12, ip + 12, 8)
			: this.#equal(next, ip, 4) && this.#equal(next + 6, ip + 6, 34);
	}

	/** All but sequence number, flags and checksum. */
	#hasEqualTcp(): boolean {
		const [next, tcp] = [this.#nextTcp, this.#tcp];
		return this.#equal(next, tcp, 4) && this.#equal(next + 8, tcp + 8, 5) && this.#equal(next + 14, tcp + 14, 2) && this.#equal(next + 18, tcp + 18, this.#nextData - next - 18);
	}

	#equal(a: number, b: number, length: number): boolean {
		const {view} = this.#memory;
		for (let at = 0; at < length; at++) {
			if (view.getUint8(a + at) !== view.getUint8(b + at)) {
				return false;
			}
		}

		return true;
	}

	#append(end: number): void {
		const {view, layout: {parts}} = this.#memory;
		const length = end - this.#nextData;
		const pushed = this.#isPushed(this.#nextTcp);
		this.#memory.vector(parts + (16 * this.#parts), this.#nextData, length);
		this.#parts++;
		this.#length += length;
		if (pushed) {
			view.setUint8(this.#tcp + 13, 0x18);
		}

		if (pushed || length < this.#segment) {
			this.flush();
		}
	}

	#isPushed(tcp: number): boolean {
		return (this.#memory.view.getUint8(tcp + 13) & 8) !== 0;
	}

	/** Makes the headers of the first segment those of all, and says how the kernel would cut it again. */
	#describe(): void {
		const {view} = this.#memory;
		const vnet = this.#first - GreMerger.#vnet.length;
		const end = this.#first + this.#length;
		if (this.#isIpv4(this.#ip)) {
			view.setUint16(this.#ip + 2, end - this.#ip);
			view.setUint16(this.#ip + 10, 0);
			view.setUint16(this.#ip + 10, ~this.#memory.sum(this.#ip, this.#ip + 20) & 0xFF_FF);
		} else {
			view.setUint16(this.#ip + 4, end - this.#ip - 40);
		}

		view.setUint8(vnet, GreMerger.#vnet.needsChecksum);
		view.setUint8(vnet + 1, this.#isIpv4(this.#ip) ? GreMerger.#vnet.tcp4 : GreMerger.#vnet.tcp6);
		view.setUint16(vnet + 2, this.#data - this.#first, true);
		view.setUint16(vnet + 4, this.#segment, true);
		view.setUint16(vnet + 6, this.#tcp - this.#first, true);
		view.setUint16(vnet + 8, 16, true);
		view.setUint16(this.#tcp + 16, this.#memory.sum(0, 0, this.#pseudo(this.#ip, this.#tcp, end)));
	}

	/** The sum of the pseudo header. */
	#pseudo(ip: number, tcp: number, end: number): number {
		const addresses = this.#isIpv4(ip) ? this.#memory.sum(ip + 12, ip + 20) : this.#memory.sum(ip + 8, ip + 40);
		return addresses + 6 + end - tcp;
	}
}
