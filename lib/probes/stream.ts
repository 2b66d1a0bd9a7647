/** A connection that is kept busy: it tells whether a change of the policy left it alone or ended it. */
import {setTimeout as sleep} from 'node:timers/promises';
import {InetSocket} from '../kernel/inet-socket.ts';
import type {Network} from '../network/network.ts';
import {SecureNetError} from '../util/errors.ts';
import {message} from './asking.ts';
import {type Question, questionOf} from './probe.ts';

export type StreamOptions = {
	readonly from: string;
	readonly to: string;
	readonly transport: 'tcp' | 'udp';
	readonly port: number;
	readonly family?: 4 | 6;
	/** The client asks once and the server never stops answering: only what passes backwards keeps it alive. */
	readonly backwards?: boolean;
	/** Milliseconds until the first answer must have come; default 2000. */
	readonly limit?: number;
	/** Milliseconds without an answer after which it is dead; default `usualSilence`. */
	readonly silence?: number;
};

/** Milliseconds between two messages. */
const interval = 5;
/** Milliseconds without an answer after which a stream is dead: TCP repeats what was lost after 200. */
export const usualSilence = 400;

/** Until the first answer, in case the first message was lost. More of them at once would be first packets all of them, to a firewall that has not dealt with one yet. */
const turnsUntilAskedAgain = 40;

export class Stream implements Disposable {
	readonly #options: StreamOptions;
	readonly #question: Question;
	readonly #listener: InetSocket;
	readonly #client: InetSocket;
	#server: InetSocket | undefined;
	readonly #timer: NodeJS.Timeout;
	#turns = 0;
	/** Turns since the last answer. */
	#unanswered = 0;
	#count = 0;
	#closed = false;

	private constructor(question: Question, options: StreamOptions) {
		this.#question = question;
		this.#options = options;
		[this.#listener, this.#client] = endsOf(question, options);
		this.#client.connect({address: question.destination, port: options.port});
		this.#client.send(message.ask);
		this.#timer = setInterval(() => {
			this.#turn();
		}, interval);
	}

	/**
	Returns when the first answer has come.

	@throws InputError `unknown-node`, `probe`; KernelError EADDRINUSE; SecureNetError `stream` when none comes
	*/
	static async open(network: Network, options: StreamOptions): Promise<Stream> {
		const {from, to, transport, port, family, limit = 2000} = options;
		const stream = new Stream(questionOf(network, {from, to, [transport]: port, ...family === undefined ? {} : {family}}), options);
		while (stream.answers === 0) {
			if (stream.#time > limit) {
				stream.close();
				throw new SecureNetError('stream', `No ${transport} connection from ${from} to ${to} port ${port}: no answer came within ${limit / 1000} s.`);
			}

			await sleep(interval);
		}

		return stream;
	}

	/** Answers up to now. */
	get answers(): number {
		return this.#count;
	}

	/** Whether answers still come. Takes as long as the next three, or until it is clear that they do not come. */
	async staysOpen(): Promise<boolean> {
		const before = this.#count;
		while (!this.#isSilent && this.#count < before + 3) {
			await sleep(interval);
		}

		return this.#count >= before + 3;
	}

	/** Whether the answers end within this time, in milliseconds. */
	async isCut(within = 1000): Promise<boolean> {
		const end = this.#time + within;
		let before = this.#count;
		while (!this.#isSilent) {
			if (this.#time < end) {
				before = this.#count;
			} else if (this.#count > before) {
				return false;
			}

			await sleep(interval);
		}

		return true;
	}

	/** Milliseconds, counted in turns: a program that was kept from asking must not take that for silence. */
	get #time(): number {
		return this.#turns * interval;
	}

	get #isSilent(): boolean {
		const {silence = usualSilence} = this.#options;
		return this.#closed || this.#unanswered * interval > silence;
	}

	close(): void {
		if (this.#closed) {
			return;
		}

		this.#closed = true;
		clearInterval(this.#timer);
		const ends = [this.#client, this.#listener, ...this.#server ? [this.#server] : []];
		ends.forEach(socket => {
			if (this.#options.transport === 'tcp') {
				socket.abort();
			} else {
				socket.close();
			}
		});
	}

	[Symbol.dispose](): void {
		this.close();
	}

	/** One message each way. What cannot be sent now, because the other end gets nothing any more, is not. */
	#turn(): void {
		if (this.#options.transport === 'tcp') {
			this.#server ??= this.#listener.accept();
		}

		if (this.#count > 0 ? !this.#options.backwards : this.#unanswered % turnsUntilAskedAgain === turnsUntilAskedAgain - 1) {
			this.#client.send(message.ask);
		}

		this.#answer();
		this.#turns++;
		this.#unanswered++;
		for (let length = this.#client.receive(); length !== undefined && length > 0; length = this.#client.receive()) {
			this.#count++;
			this.#unanswered = 0;
		}
	}

	#answer(): void {
		if (this.#options.transport === 'udp') {
			this.#answerDatagrams();
		} else if (this.#server) {
			const asked = this.#server.receive();
			if (asked !== undefined || this.#options.backwards) {
				this.#server.send(message.answer);
			}
		}
	}

	/** The first datagram says where the client is; its port stays what it is. */
	#answerDatagrams(): void {
		for (let asked = this.#listener.receiveFrom(); asked; asked = this.#listener.receiveFrom()) {
			if (this.#options.backwards) {
				this.#server ??= this.#answering();
				this.#server.connect(asked.from);
			} else {
				this.#listener.sendTo(message.answer, asked.from);
			}
		}

		this.#server?.send(message.answer);
	}

	/** A second socket of the server's port, connected to the client. */
	#answering(): InetSocket {
		const {to, destination} = this.#question;
		const socket = InetSocket.open(to.namespace, destination.family, 'datagram').shareAddress();
		socket.bind({address: destination, port: this.#options.port});
		return socket;
	}
}

/** Both are there, or none is. @throws KernelError EADDRINUSE */
function endsOf({from, to, destination}: Question, {transport, port}: StreamOptions): [listener: InetSocket, client: InetSocket] {
	const kind = transport === 'tcp' ? 'stream' : 'datagram';
	const listener = InetSocket.open(to.namespace, destination.family, kind);
	try {
		listener.shareAddress().bind({address: destination, port});
		if (transport === 'tcp') {
			listener.listen();
		}

		return [listener, InetSocket.open(from.namespace, destination.family, kind)];
	} catch (error) {
		listener.close();
		throw error;
	}
}
