/** Echo requests at a steady pace from a thread of their own, whatever the main thread is doing: what is in force for a few milliseconds meets some. */
import {setTimeout as sleep} from 'node:timers/promises';
import {Worker} from 'node:worker_threads';
import type Koffi from 'koffi';
import type {Address} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {type PingSocket, socketAddress} from './icmp.ts';
import {errnoName} from './syscall.ts';

/** Places of the numbers that both threads have: whether the sending ends, and how many requests went out. */
const cell = {ends: 0, sent: 1} as const;

/** What the thread is told. */
type Orders = {
	/** Of this file, to find koffi from. */
	readonly from: string;
	readonly fd: number;
	readonly address: Uint8Array;
	/** A request with the number 0. */
	readonly packet: Uint8Array;
	/** Milliseconds between two requests. */
	readonly interval: number;
	readonly shared: Int32Array;
	readonly cell: {readonly ends: number; readonly sent: number};
};

export class PingThread {
	readonly #worker: Worker;
	readonly #shared = new Int32Array(new SharedArrayBuffer(8));
	readonly #unsent: string[] = [];
	readonly #ended: Promise<void>;

	/** Numbers count from 1. The socket may be closed once the thread has ended. @param interval milliseconds */
	constructor(socket: PingSocket, to: Address, interval: number) {
		const orders: Orders = {from: import.meta.url, fd: socket.fd, address: socketAddress(to), packet: Uint8Array.from(socket.request(0)), interval, shared: this.#shared, cell};
		// Translators of TypeScript that this program was started with are not for that thread: it would wait for them.
		this.#worker = new Worker(`(${pace.toString()})()`, {eval: true, execArgv: [], workerData: orders});
		this.#worker.on('message', (errno: number) => {
			this.#unsent.push(errnoName(errno));
		});
		this.#ended = new Promise((resolve, reject) => {
			this.#worker.once('error', reject).once('exit', () => {
				resolve();
			});
		});
		// Whoever ends it hears of it; until then nobody listens.
		this.#ended.catch(() => undefined);
	}

	/** Requests that went out. */
	get sent(): number {
		return Atomics.load(this.#shared, cell.sent);
	}

	/** Names of the errnos of requests that the kernel did not send. */
	get unsent(): readonly string[] {
		return this.#unsent;
	}

	/** Lets it run for some milliseconds. @throws SecureNetError `ping` when it has ended; what ended it */
	async goOn(ms: number): Promise<void> {
		await Promise.race([sleep(ms), this.#ended.then(() => {
			throw new SecureNetError('ping', 'The ping has ended.');
		})]);
	}

	/** Twice is fine. @throws what ended the thread before */
	async end(): Promise<void> {
		Atomics.store(this.#shared, cell.ends, 1);
		Atomics.notify(this.#shared, cell.ends);
		await this.#ended;
	}
}

/** The thread's whole program, as text: it names nothing that stands outside of it. */
function pace(): void {
	const thread = process.getBuiltinModule('node:worker_threads');
	const {createRequire} = process.getBuiltinModule('node:module');
	const {from, fd, address, packet, interval, shared, cell: {ends, sent}} = thread.workerData as Orders;
	const koffi = createRequire(from)('koffi') as typeof Koffi;
	const sendto = koffi.load('libc.so.6').func('long sendto(int fd, const void *buffer, size_t length, int flags, const void *address, unsigned int size)');
	const view = new DataView(packet.buffer, packet.byteOffset);
	let number = 1;
	for (let next = performance.now(); Atomics.load(shared, ends) === 0; next = Math.max(next + interval, performance.now())) {
		// Each number stands beside its complement, so the checksum stays as it is.
		view.setUint16(6, number);
		view.setUint32(8, number);
		view.setUint16(12, ~number);
		view.setUint32(14, ~number);
		if (Number(sendto(fd, packet, packet.length, 0, address, address.length)) < 0) {
			thread.parentPort?.postMessage(koffi.errno());
		} else {
			number++;
			Atomics.add(shared, sent, 1);
		}

		Atomics.wait(shared, ends, 0, next + interval - performance.now());
	}
}
