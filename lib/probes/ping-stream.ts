/** A ping every few milliseconds: it tells what a change of the policy loses, or lets slip through. */
import {setTimeout as sleep} from 'node:timers/promises';
import {PingSocket} from '../kernel/icmp.ts';
import {PingThread} from '../kernel/ping-thread.ts';
import type {Network} from '../network/network.ts';
import {type Question, questionOf} from './probe.ts';
import {Witness} from './witness.ts';

export type PingStreamOptions = {
	readonly from: string;
	readonly to: string;
	readonly family?: 4 | 6;
	/** Milliseconds between two requests; default 2. */
	readonly interval?: number;
};

export type PingStreamCount = {
	readonly sent: number;
	/** Packets that came to the target from anywhere, by ICMP. */
	readonly arrived: number;
	/** Requests with an answer. */
	readonly answered: number;
	/** Requests that the kernel itself did not send, by errno: they are in no other number. */
	readonly unsent: readonly string[];
};

/** Milliseconds between two looks at what has come. */
const pause = 5;

/** Requests leave from a thread of their own; what arrived and what was answered waits in the kernel until it is counted. */
export class PingStream implements Disposable {
	readonly #socket: PingSocket;
	readonly #witness: Witness;
	readonly #thread: PingThread;
	readonly #timer: NodeJS.Timeout;
	readonly #answered = new Set<number>();
	#arrived = 0;
	#closed = false;

	/** @param witness closed with it */
	private constructor(witness: Witness, {from, destination}: Question, interval: number) {
		this.#witness = witness;
		this.#socket = new PingSocket(from.namespace, destination.family);
		try {
			this.#thread = new PingThread(this.#socket, destination, interval);
		} catch (error) {
			this.#socket.close();
			throw error;
		}

		this.#timer = setInterval(() => {
			this.#look();
		}, pause);
	}

	/**
	Returns when the first request has been tried.

	@throws InputError `unknown-node`, `probe`; SecureNetError `witness`
	*/
	static async open(network: Network, {from, to, family, interval = 2}: PingStreamOptions): Promise<PingStream> {
		const question = questionOf(network, {from, to, ...family === undefined ? {} : {family}});
		const stream = PingStream.#begin(question, interval);
		try {
			await stream.more(1);
			return stream;
		} catch (error) {
			stream.close();
			throw error;
		}
	}

	/** Either all that it keeps open is there, or nothing. */
	static #begin(question: Question, interval: number): PingStream {
		const witness = new Witness(question.to.namespace);
		try {
			return new PingStream(witness, question, interval);
		} catch (error) {
			witness.close();
			throw error;
		}
	}

	/** Returns when so many more requests have been tried: a change that is over between two of them has not been looked at. */
	async more(requests: number): Promise<void> {
		const until = this.#tried + requests;
		while (this.#tried < until) {
			await this.#thread.goOn(pause);
		}
	}

	get #tried(): number {
		return this.#thread.sent + this.#thread.unsent.length;
	}

	/** Ends it, and counts when the last answers have come. @param patience milliseconds they may take */
	async stop(patience = 500): Promise<PingStreamCount> {
		try {
			await this.#thread.end();
			const {sent, unsent} = this.#thread;
			const end = performance.now() + patience;
			do {
				await sleep(pause);
				this.#look();
			} while (this.#answered.size < sent && performance.now() < end && !this.#closed);

			return {sent, arrived: this.#arrived, answered: this.#answered.size, unsent};
		} finally {
			this.close();
		}
	}

	/** The thread must not send to a descriptor that is another's by then, so the socket closes when that has ended. */
	close(): void {
		if (!this.#closed) {
			this.#closed = true;
			clearInterval(this.#timer);
			this.#witness.close();
			void this.#thread.end().catch(() => undefined).then(() => {
				this.#socket.close();
			});
		}
	}

	[Symbol.dispose](): void {
		this.close();
	}

	#look(): void {
		if (this.#closed) {
			return;
		}

		for (let number = this.#socket.receive(); number !== undefined; number = this.#socket.receive()) {
			this.#answered.add(number);
		}

		// A witness shows so many at a time; a main thread that was busy for long has more to look at.
		for (let sights = [...this.#witness.sights()]; sights.length > 0; sights = [...this.#witness.sights()]) {
			this.#arrived += sights.filter(({flow, direction}) => direction === 'in' && isIcmp(flow)).length;
		}
	}
}

function isIcmp(flow: string): boolean {
	return flow.startsWith('4 1 ') || flow.startsWith('6 58 ');
}
