/** A ping every few milliseconds: it tells what a change of the policy loses, or lets slip through. */
import {setTimeout as sleep} from 'node:timers/promises';
import {PingSocket} from '../kernel/icmp.ts';
import type {Network} from '../network/network.ts';
import {questionOf} from './probe.ts';
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

/** Milliseconds in which the last answers come. */
const patience = 500;

export class PingStream implements Disposable {
	readonly #socket: PingSocket;
	readonly #witness: Witness;
	readonly #timer: NodeJS.Timeout;
	readonly #answered = new Set<number>();
	readonly #unsent: string[] = [];
	#waiting: Array<{readonly until: number; readonly resolve: () => void}> = [];
	#sent = 0;
	#arrived = 0;
	#closed = false;

	/** @throws InputError `unknown-node`, `probe`; SecureNetError `witness` */
	constructor(network: Network, {from, to, family, interval = 2}: PingStreamOptions) {
		const question = questionOf(network, {from, to, ...family === undefined ? {} : {family}});
		const {destination} = question;
		this.#witness = new Witness(question.to.namespace);
		this.#socket = new PingSocket(question.from.namespace, destination.family);
		this.#timer = setInterval(() => {
			const errno = this.#socket.send(destination, this.#sent + 1);
			if (errno === undefined) {
				this.#sent++;
			} else {
				this.#unsent.push(errno);
			}

			this.#look();
			this.#wakeWaiting();
		}, interval);
	}

	/** Returns when so many more requests have been tried: a change that is over between two of them has not been looked at. */
	async more(requests: number): Promise<void> {
		const until = this.#tried + requests;
		return new Promise(resolve => {
			this.#waiting.push({until, resolve});
		});
	}

	get #tried(): number {
		return this.#sent + this.#unsent.length;
	}

	#wakeWaiting(): void {
		for (const {until, resolve} of this.#waiting) {
			if (this.#tried >= until) {
				resolve();
			}
		}

		this.#waiting = this.#waiting.filter(({until}) => this.#tried < until);
	}

	/** Ends it, and counts when the last answers have come. */
	async stop(): Promise<PingStreamCount> {
		clearInterval(this.#timer);
		const end = performance.now() + patience;
		do {
			await sleep(5);
			this.#look();
		} while (this.#answered.size < this.#sent && performance.now() < end);

		this.close();
		return {sent: this.#sent, arrived: this.#arrived, answered: this.#answered.size, unsent: this.#unsent};
	}

	close(): void {
		if (!this.#closed) {
			this.#closed = true;
			clearInterval(this.#timer);
			this.#socket.close();
			this.#witness.close();
		}
	}

	[Symbol.dispose](): void {
		this.close();
	}

	#look(): void {
		for (let number = this.#socket.receive(); number !== undefined; number = this.#socket.receive()) {
			this.#answered.add(number);
		}

		for (const {flow, direction} of this.#witness.sights()) {
			this.#arrived += direction === 'in' && isIcmp(flow) ? 1 : 0;
		}
	}
}

function isIcmp(flow: string): boolean {
	return flow.startsWith('4 1 ') || flow.startsWith('6 58 ');
}
