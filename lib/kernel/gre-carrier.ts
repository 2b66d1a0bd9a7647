/** Waits for devices and sockets of GRE tunnels, and moves packets between them. */
import type Koffi from 'koffi';
import type {GreLayout, GreMemory} from './gre-memory.ts';
import type {GreMerger} from './gre-merger.ts';
import type {GreReceiver} from './gre-receiver.ts';
import type {GreSender, ThreadTunnel} from './gre-sender.ts';

/** What the thread is told about a tunnel. Sockets are known by their descriptors; several tunnels may have the same. */
export type TunnelOrder = Omit<ThreadTunnel, 'remoteAddress' | 'controlAddress'>;
export type GreOrder = {readonly add: TunnelOrder} | {readonly remove: number} | 'end';
/** What the thread tells: that it runs, or that it has let go of a tunnel, because it was told to or because the tunnel's device is gone. */
export type GreReport = 'runs' | {readonly removed: number};

/** The classes that it is made of. */
export type GreParts = {
	readonly GreMemory: typeof GreMemory;
	readonly GreMerger: typeof GreMerger;
	readonly GreReceiver: typeof GreReceiver;
	readonly GreSender: typeof GreSender;
};

/** The tunnels that share a socket, by where their packets come from. */
type Shared = {readonly family: 4 | 6; readonly tunnels: Map<number, ThreadTunnel[]>};

/** Part of the thread's program, as text: it names nothing that stands outside of it. */
export class GreCarrier {
	/** Of sys/epoll.h; struct epoll_event is packed on x86-64. */
	static readonly #event = {size: process.arch === 'x64' ? 12 : 16, data: process.arch === 'x64' ? 4 : 8, most: 64, in: 1, add: 1, delete: 2} as const;
	static readonly #dontWait = 0x40;
	static readonly #EAGAIN = 11;
	readonly #c;
	readonly #koffi: typeof Koffi;
	readonly #memory: GreMemory;
	readonly #inbox: Uint8Array;
	readonly #incoming: Uint8Array;
	readonly #sender: GreSender;
	readonly #merger: GreMerger;
	readonly #receiver: GreReceiver;
	readonly #events = new DataView(new ArrayBuffer(GreCarrier.#event.size * GreCarrier.#event.most));
	readonly #epoll: number;
	readonly #tunnels = new Map<number, ThreadTunnel>();
	/** By descriptor. */
	readonly #devices = new Map<number, ThreadTunnel>();
	readonly #sockets = new Map<number, Shared>();
	readonly #report: (report: GreReport) => void;

	constructor(parts: GreParts, koffi: typeof Koffi, layout: GreLayout, report: (report: GreReport) => void) {
		const libc = koffi.load('libc.so.6');
		const c = this.#c = {
			epollCreate: libc.func('int epoll_create1(int flags)'),
			epollControl: libc.func('int epoll_ctl(int epoll, int operation, int fd, const void *event)'),
			epollWait: libc.func('int epoll_wait(int epoll, void *events, int size, int timeout)'),
			close: libc.func('int close(int fd)'),
			read: libc.func('long read(int fd, void *buffer, size_t length)'),
			writev: libc.func('long writev(int fd, const void *vectors, int count)'),
			sendmmsg: libc.func('int sendmmsg(int fd, void *messages, unsigned int count, int flags)'),
			recvmmsg: libc.func('int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)'),
		};
		this.#koffi = koffi;
		const bytes = new Uint8Array(new ArrayBuffer(layout.total));
		const memory = this.#memory = new parts.GreMemory(layout, bytes, Number(koffi.address(bytes)));
		this.#inbox = bytes.subarray(layout.inbox, layout.inbox + layout.slotLength);
		this.#incoming = bytes.subarray(layout.incomingMessages);
		const [outgoing, written] = [bytes.subarray(layout.outgoingMessages), bytes.subarray(layout.parts)];
		this.#sender = new parts.GreSender(memory, (socket, from, count) => Number(c.sendmmsg(socket, from === 0 ? outgoing : outgoing.subarray(from * 64), count, GreCarrier.#dontWait)));
		this.#merger = new parts.GreMerger(memory, (device, count) => {
			c.writev(device, written, count);
		});
		this.#receiver = new parts.GreReceiver(memory, (tunnel, at, end) => {
			this.#merger.take(tunnel, at, end);
		});
		this.#report = report;
		this.#epoll = Number(c.epollCreate(0));
	}

	/** Goes on until the order `end`. @param bell descriptor of the eventfd that says that there are orders */
	run(bell: number, nextOrder: () => GreOrder | undefined): void {
		const {size, data, most} = GreCarrier.#event;
		this.#watch(bell);
		this.#report('runs');
		for (let goesOn = true; goesOn;) {
			const count = Number(this.#c.epollWait(this.#epoll, this.#events, most, -1));
			for (let at = 0; at < count && goesOn; at++) {
				const fd = this.#events.getInt32((at * size) + data, true);
				if (fd === bell) {
					this.#c.read(bell, this.#inbox, 8);
					goesOn = this.#obey(nextOrder);
				} else {
					this.#carry(fd);
				}
			}
		}

		this.#c.close(this.#epoll);
	}

	/** @returns whether to go on */
	#obey(nextOrder: () => GreOrder | undefined): boolean {
		for (let order = nextOrder(); order !== undefined; order = nextOrder()) {
			if (order === 'end') {
				return false;
			}

			if ('add' in order) {
				this.#add(order.add);
			} else {
				this.#remove(order.remove);
			}
		}

		return true;
	}

	#carry(fd: number): void {
		const tunnel = this.#devices.get(fd);
		const shared = this.#sockets.get(fd);
		if (tunnel) {
			if (!this.#out(tunnel)) {
				this.#remove(tunnel.number);
			}
		} else if (shared) {
			this.#in(fd, shared);
		}
	}

	/** A turn of packets from a device to its socket. @returns false when the device is gone: reading it only fails, and not because nothing is there */
	#out(tunnel: ThreadTunnel): boolean {
		let isThere = false;
		for (let turn = 0; turn < this.#memory.layout.batch; turn++) {
			const length = Number(this.#c.read(tunnel.device, this.#inbox, this.#inbox.length));
			const isEmpty = length < 0 && this.#koffi.errno() === GreCarrier.#EAGAIN;
			isThere ||= length >= 0 || isEmpty;
			if (isEmpty) {
				break;
			}

			// A packet that the kernel cannot hand over is an error once, and lost.
			if (length > 0) {
				this.#sender.take(tunnel, length);
			}
		}

		this.#sender.flush();
		return isThere;
	}

	/** A turn of packets from a socket to the devices. */
	#in(socket: number, {family, tunnels}: Shared): void {
		const count = Number(this.#c.recvmmsg(socket, this.#incoming, this.#memory.layout.batch, GreCarrier.#dontWait, null));
		for (let slot = 0; slot < count; slot++) {
			this.#receiver.receive(slot, family, tunnels);
		}

		this.#merger.flush();
	}

	#add(order: TunnelOrder): void {
		// What the kernel is pointed to may not move, as short arrays of their own do.
		const fixed = new Uint8Array(new ArrayBuffer(64));
		fixed.set(order.remote);
		fixed.set(order.control, 32);
		const address = Number(this.#koffi.address(fixed));
		const tunnel: ThreadTunnel = {...order, remote: fixed.subarray(0, order.remote.length), remoteAddress: address, controlAddress: address + 32};
		this.#tunnels.set(tunnel.number, tunnel);
		this.#devices.set(tunnel.device, tunnel);
		this.#watch(tunnel.device);
		let shared = this.#sockets.get(tunnel.socket);
		if (!shared) {
			shared = {family: tunnel.remote.length === 16 ? 4 : 6, tunnels: new Map()};
			this.#sockets.set(tunnel.socket, shared);
			this.#watch(tunnel.socket);
		}

		const source = this.#sourceOf(tunnel);
		shared.tunnels.set(source, [...shared.tunnels.get(source) ?? [], tunnel]);
	}

	/** One that is not there is fine. */
	#remove(number: number): void {
		const tunnel = this.#tunnels.get(number);
		const tunnels = tunnel && this.#sockets.get(tunnel.socket)?.tunnels;
		if (!tunnels) {
			return;
		}

		const source = this.#sourceOf(tunnel);
		const others = tunnels.get(source)?.filter(other => other !== tunnel) ?? [];
		if (others.length > 0) {
			tunnels.set(source, others);
		} else {
			tunnels.delete(source);
		}

		this.#tunnels.delete(number);
		this.#devices.delete(tunnel.device);
		this.#unwatch(tunnel.device);
		if (tunnels.size === 0) {
			this.#sockets.delete(tunnel.socket);
			this.#unwatch(tunnel.socket);
		}

		this.#report({removed: number});
	}

	#sourceOf({remote}: ThreadTunnel): number {
		return this.#receiver.source(new DataView(remote.buffer, remote.byteOffset, remote.length), 0);
	}

	#watch(fd: number): void {
		const event = new DataView(new ArrayBuffer(GreCarrier.#event.size));
		event.setUint32(0, GreCarrier.#event.in, true);
		event.setInt32(GreCarrier.#event.data, fd, true);
		this.#c.epollControl(this.#epoll, GreCarrier.#event.add, fd, event);
	}

	#unwatch(fd: number): void {
		this.#c.epollControl(this.#epoll, GreCarrier.#event.delete, fd, null);
	}
}
