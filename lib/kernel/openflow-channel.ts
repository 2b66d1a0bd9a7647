/** OpenFlow 1.4 with one switch: the greeting, and which answers belong to which requests. */
import type {Socket} from 'node:net';
import {SecureNetError, messageOf} from '../util/errors.ts';
import {type Message, MessageCutter, headerLength, makeMessage, type, version} from './openflow-message.ts';
import {connectTo} from './unix-socket.ts';

/** Requests that were sent together, with transaction ids from `first` to `last`; the answer to the last ends the wait. */
type Exchange = {
	readonly first: number;
	readonly last: number;
	readonly answers: Message[];
	readonly timer: NodeJS.Timeout;
	readonly resolve: (answers: readonly Message[]) => void;
	readonly reject: (error: Error) => void;
};

/** Milliseconds for the switch's greeting. */
const patience = 5000;
/** How often to call on it: ovs-vswitchd lets go of whoever has not greeted it within a second (rconn.c, S_CONNECTING), which a busy program may not. */
const greetings = 5;
/** OFPMPF_REPLY_MORE, and where the flags of a multipart reply stand. */
const more = {flag: 1, at: 10} as const;
/** OFPHET_VERSIONBITMAP: bit n stands for version n. */
const versionBitmap = 1;

export class Channel {
	readonly #socket: Socket;
	readonly #name: string;
	readonly #exchanges = new Set<Exchange>();
	readonly #cutter = new MessageCutter();
	/** By type of message: who is told of those that answer no request. */
	readonly #listeners = new Map<number, (message: Message) => void>();
	/** Switches use 0 for what nobody asked for. */
	#nextXid = 1;
	#closed: string | undefined;
	#toldOfEnd: () => void = () => undefined;
	#greeted: (hello: Message) => void = () => undefined;

	/**
	@param path the switch's `.mgmt` socket
	@param name of the switch, for errors
	@throws SecureNetError `no-answer` when nobody listens there or greets within 5 s; `openflow-version` when the switch does not speak OpenFlow 1.4
	*/
	static async open(path: string, name: string): Promise<Channel> {
		for (let left = greetings - 1; ; left--) {
			try {
				return await Channel.#openOnce(path, name);
			} catch (error) {
				if (left === 0 || !(error instanceof SecureNetError && error.code === 'switch-closed')) {
					throw error;
				}
			}
		}
	}

	static async #openOnce(path: string, name: string): Promise<Channel> {
		const channel = new Channel(await reach(path, name), name);
		try {
			await channel.#greet();
			channel.#socket.unref();
			return channel;
		} catch (error) {
			channel.close();
			throw error;
		}
	}

	private constructor(socket: Socket, name: string) {
		this.#socket = socket;
		this.#name = name;
		socket.on('data', (chunk: Buffer) => {
			for (const message of this.#cutter.cut(chunk)) {
				this.#accept(message);
			}
		});
		socket.on('error', error => {
			this.#end(`ovs-vswitchd closed the connection: ${error.message}`);
		});
		socket.on('close', () => {
			this.#end('ovs-vswitchd closed the connection');
		});
	}

	get isOpen(): boolean {
		return this.#closed === undefined;
	}

	/** Sets so many transaction ids aside and returns the first. */
	reserve(count: number): number {
		const first = this.#nextXid;
		this.#nextXid += count;
		return first;
	}

	/**
	Sends requests in one write and waits for the answer to the last.

	@param xids first and last transaction id whose answers belong here
	@param timeout milliseconds; when they have passed, the connection is closed: nobody knows what of it the switch has read
	@returns all answers, errors too, in the order they came
	@throws SecureNetError `no-answer` or `switch-closed`
	*/
	async exchange(bytes: Buffer, [first, last]: readonly [first: number, last: number], timeout: number): Promise<readonly Message[]> {
		if (this.#closed !== undefined) {
			throw this.#closedError(this.#closed);
		}

		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				reject(this.#noAnswer(timeout));
				this.close();
			}, timeout);
			this.#exchanges.add({first, last, answers: [], timer, resolve, reject});
			// A program may end while its connections are idle, not while it waits for an answer.
			this.#socket.ref();
			this.#socket.write(bytes);
		});
	}

	/** Tells of messages of a type that answer no request, until there is another listener or none. */
	listen(messageType: number, listener: ((message: Message) => void) | undefined): void {
		if (listener) {
			this.#listeners.set(messageType, listener);
		} else {
			this.#listeners.delete(messageType);
		}
	}

	/** Tells one listener, once, when the connection has ended, whoever ended it; at once when it has. */
	onClose(listener: () => void): void {
		if (this.isOpen) {
			this.#toldOfEnd = listener;
		} else {
			listener();
		}
	}

	/** Sends a request whose answer does not matter; on a closed connection neither does the request. */
	send(bytes: Buffer): void {
		if (this.isOpen) {
			this.#socket.write(bytes);
		}
	}

	close(): void {
		this.#end('the connection was closed');
		this.#socket.destroy();
	}

	async #greet(): Promise<void> {
		let timer: NodeJS.Timeout | undefined;
		const hello = await new Promise<Message>((resolve, reject) => {
			timer = setTimeout(() => {
				reject(this.#noAnswer(patience));
			}, patience);
			this.#greeted = resolve;
			this.#socket.once('close', () => {
				reject(this.#closedError('ovs-vswitchd closed the connection instead of a greeting'));
			});
			this.#socket.write(ourHello());
		}).finally(() => {
			clearTimeout(timer);
		});
		if (hello.type !== type.hello || !speaksOurVersion(hello)) {
			throw new SecureNetError('openflow-version', `Switch ${this.#name} does not speak OpenFlow 1.4. Add OpenFlow14 to the bridge's protocols.`);
		}
	}

	#accept(message: Message): void {
		if (message.type === type.hello || (message.type === type.error && message.xid === 0)) {
			this.#greeted(message);
		} else if (message.type === type.echoRequest) {
			this.#socket.write(makeMessage(type.echoReply, message.xid, message.bytes.subarray(headerLength)));
		} else {
			this.#answer(message);
		}
	}

	/** What nobody waits for, such as the news of a port, is left unread. */
	#answer(message: Message): void {
		this.#listeners.get(message.type)?.(message);
		for (const exchange of this.#exchanges) {
			if (message.xid >= exchange.first && message.xid <= exchange.last) {
				exchange.answers.push(message);
				if (message.xid === exchange.last && !hasMore(message)) {
					this.#settle(exchange);
					exchange.resolve(exchange.answers);
				}
			}
		}
	}

	#settle(exchange: Exchange): void {
		clearTimeout(exchange.timer);
		this.#exchanges.delete(exchange);
		if (this.#exchanges.size === 0) {
			this.#socket.unref();
		}
	}

	#end(reason: string): void {
		if (this.#closed !== undefined) {
			return;
		}

		this.#closed = reason;
		for (const exchange of this.#exchanges) {
			this.#settle(exchange);
			exchange.reject(this.#closedError(reason));
		}

		this.#toldOfEnd();
	}

	#closedError(reason: string): SecureNetError {
		return new SecureNetError('switch-closed', `Switch ${this.#name}: ${reason}.`);
	}

	#noAnswer(timeout: number): SecureNetError {
		return new SecureNetError('no-answer', `Switch ${this.#name}: ovs-vswitchd did not answer within ${timeout / 1000} s.`);
	}
}

async function reach(path: string, name: string): Promise<Socket> {
	try {
		return await connectTo(path);
	} catch (error) {
		if (error instanceof SecureNetError) {
			throw error;
		}

		throw new SecureNetError('no-answer', `Switch ${name} cannot be reached: ${messageOf(error)}`, {}, {cause: error});
	}
}

function ourHello(): Buffer {
	const body = Buffer.alloc(8);
	body.writeUInt16BE(versionBitmap, 0);
	body.writeUInt16BE(body.length, 2);
	body.writeUInt32BE(1 << version, 4);
	return makeMessage(type.hello, 0, body);
}

/** Without a bitmap the version in the header is the highest that the switch speaks, and the older ones are included. */
function speaksOurVersion({bytes}: Message): boolean {
	const hasBitmap = bytes.length >= headerLength + 8 && bytes.readUInt16BE(headerLength) === versionBitmap;
	return hasBitmap ? (bytes.readUInt32BE(headerLength + 4) & (1 << version)) !== 0 : bytes.readUInt8(0) >= version;
}

function hasMore(message: Message): boolean {
	return message.type === type.multipartReply && (message.bytes.readUInt16BE(more.at) & more.flag) !== 0;
}
