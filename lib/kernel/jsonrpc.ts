/** JSON-RPC 1.0 over a unix socket, as Open vSwitch's daemons speak it: messages follow each other without any separator (RFC 7047, section 4). */
import type {Socket} from 'node:net';
import {SecureNetError, messageOf} from '../util/errors.ts';
import {connectTo} from './unix-socket.ts';

const defaultTimeout = 5000;

type Message = {readonly id?: unknown; readonly method?: string; readonly params?: unknown; readonly result?: unknown; readonly error?: unknown};
type Call = {readonly method: string; readonly timer: NodeJS.Timeout; readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void};

/** The other side said no, said nothing in time, or went away. */
export class RpcError extends SecureNetError {
	override name = 'RpcError';
	/** The other side's own answer, when there was one. */
	readonly answer: unknown;

	constructor(message: string, answer?: unknown, options?: ErrorOptions) {
		super('rpc', message, {}, options);
		this.answer = answer;
	}
}

export class JsonRpc {
	readonly #socket: Socket;
	readonly #peer: string;
	readonly #calls = new Map<unknown, Call>();
	readonly #cutter = new MessageCutter();
	#nextId = 0;
	#closed: RpcError | undefined;
	/** Receives what the other side sends unasked; `echo` is answered here. */
	onNotification: (method: string, params: unknown) => void = () => undefined;
	/** Called once when the connection ends, from either side. */
	onClose: (error: RpcError) => void = () => undefined;

	/**
	@param peer name of the daemon behind the socket, for errors
	@throws RpcError when nobody listens there; SecureNetError `socket-path` when the path is longer than a unix socket allows
	*/
	static async connect(path: string, peer: string): Promise<JsonRpc> {
		try {
			return new JsonRpc(await connectTo(path), peer);
		} catch (error) {
			if (error instanceof SecureNetError) {
				throw error;
			}

			throw new RpcError(`${peer} does not answer at ${path}: ${(error as NodeJS.ErrnoException).code ?? messageOf(error)}`, undefined, {cause: error});
		}
	}

	private constructor(socket: Socket, peer: string) {
		this.#socket = socket;
		this.#peer = peer;
		socket.setEncoding('utf8');
		socket.removeAllListeners('error');
		socket.on('data', chunk => {
			this.#receive(String(chunk));
		});
		socket.on('error', error => {
			this.#end(`${peer} closed the connection: ${error.message}`);
		});
		socket.on('close', () => {
			this.#end(`${peer} closed the connection`);
		});
	}

	/**
	Calls many may be under way at once; answers come in any order.

	@param timeout milliseconds
	@throws RpcError when the answer is an error, does not come in time, or the connection ends first
	*/
	async call(method: string, params: readonly unknown[], timeout = defaultTimeout): Promise<unknown> {
		if (this.#closed) {
			throw new RpcError(`${method}: ${this.#closed.message}`);
		}

		const id = this.#nextId++;
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				this.#calls.delete(id);
				reject(new RpcError(`${this.#peer} did not answer '${method}' within ${timeout / 1000} s`));
			}, timeout);
			this.#calls.set(id, {method, timer, resolve, reject});
			this.#send({method, params, id});
		});
	}

	close(): void {
		this.#end('The connection was closed');
		this.#socket.destroy();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	#send(message: Message): void {
		this.#socket.write(JSON.stringify(message));
	}

	#receive(chunk: string): void {
		try {
			for (const text of this.#cutter.cut(chunk)) {
				this.#accept(JSON.parse(text) as Message);
			}
		} catch (error) {
			this.#end(`${this.#peer} sent what is not JSON-RPC: ${String(error)}`);
			this.#socket.destroy();
		}
	}

	#accept({id, method, params, result, error}: Message): void {
		if (method === 'echo') {
			this.#send({id, result: params, error: null});
		} else if (method === undefined) {
			this.#settle(id, result, error);
		} else {
			this.onNotification(method, params);
		}
	}

	#settle(id: unknown, result: unknown, error: unknown): void {
		const call = this.#calls.get(id);
		if (!call) {
			return;
		}

		this.#calls.delete(id);
		clearTimeout(call.timer);
		if (error === null || error === undefined) {
			call.resolve(result);
		} else {
			call.reject(new RpcError(`${this.#peer} refused '${call.method}': ${typeof error === 'string' ? error.trim() : JSON.stringify(error)}`, error));
		}
	}

	#end(reason: string): void {
		if (this.#closed) {
			return;
		}

		this.#closed = new RpcError(reason);
		for (const {method, timer, reject} of this.#calls.values()) {
			clearTimeout(timer);
			reject(new RpcError(`'${method}' has no answer: ${reason}`));
		}

		this.#calls.clear();
		this.onClose(this.#closed);
	}
}

/** Cuts a stream into JSON objects by counting braces outside of strings. */
export class MessageCutter {
	#begun: string[] = [];
	#depth = 0;
	#inString = false;
	#escaped = false;

	/** Returns the messages that the chunk completes; keeps the rest. */
	cut(chunk: string): string[] {
		const messages: string[] = [];
		let start = 0;
		for (let at = 0; at < chunk.length; at++) {
			if (this.#ends(chunk.charCodeAt(at))) {
				this.#begun.push(chunk.slice(start, at + 1));
				messages.push(this.#begun.join(''));
				this.#begun = [];
				start = at + 1;
			}
		}

		this.#begun.push(chunk.slice(start));
		return messages;
	}

	/** Whether the character closes the outermost brace. */
	#ends(code: number): boolean {
		if (this.#inString) {
			this.#inString = this.#escaped || code !== quote;
			this.#escaped = !this.#escaped && code === backslash;
		} else if (code === quote) {
			this.#inString = true;
		} else if (code === openBrace) {
			this.#depth++;
		} else if (code === closeBrace) {
			this.#depth--;
			return this.#depth === 0;
		}

		return false;
	}
}

const quote = 0x22;
const backslash = 0x5C;
const openBrace = 0x7B;
const closeBrace = 0x7D;
