/** A gRPC connection to one gobgpd: every call has a time limit, every failure says which daemon and what was asked. */
import type * as Grpc from '@grpc/grpc-js';
import {SecureNetError} from '../util/errors.ts';
import {type GobgpMethod, gobgpSchema, serviceName} from './gobgp-schema.ts';

/** Milliseconds until an answer must be there, unless somebody says otherwise; a call takes 1 to 3 on an idle machine. */
const patience = 30_000;
/** Bytes of an answer; gRPC's own limit, 4 MiB, is 20,000 paths. */
const largestAnswer = 256 << 20;
/** Milliseconds until it is asked again whether it listens; gRPC's own are 1000. */
const reconnect = 100;

type Call = Grpc.MethodDefinition<object, unknown>;

export type Watch = {
	/** The listener is not called after this. */
	readonly close: () => void;
};

export class GobgpClient {
	readonly #node: string;
	readonly #client: Grpc.Client;
	readonly #calls: Readonly<Record<string, Call>>;
	/** Milliseconds. */
	readonly #limit: number;
	readonly #newMetadata: (options: Grpc.MetadataOptions) => Grpc.Metadata;
	#closed = false;

	private constructor(node: string, grpc: typeof Grpc, {client, calls, limit}: {readonly client: Grpc.Client; readonly calls: Readonly<Record<string, Call>>; readonly limit: number}) {
		this.#node = node;
		this.#newMetadata = options => new grpc.Metadata(options);
		this.#client = client;
		this.#calls = calls;
		this.#limit = limit;
	}

	/**
	The packages are loaded here, so that a lab without BGP does not wait for them. Nothing is connected yet.

	@param node the router that the daemon runs in, for errors
	@param socket path of its unix socket
	@param limit milliseconds until a call must be answered
	*/
	static async open(node: string, socket: string, limit = patience): Promise<GobgpClient> {
		const [grpc, {fromJSON}] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]);
		const definition = fromJSON(gobgpSchema() as object, {keepCase: true, longs: Number, defaults: true, json: true});
		const client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure(), {'grpc.max_receive_message_length': largestAnswer, 'grpc.enable_http_proxy': 0, 'grpc.initial_reconnect_backoff_ms': reconnect});
		return new GobgpClient(node, grpc, {client, calls: definition[serviceName] as unknown as Readonly<Record<string, Call>>, limit});
	}

	/**
	@param untilReady a daemon that does not listen yet is asked again until it does
	@throws SecureNetError `gobgp`
	*/
	async call(name: GobgpMethod, request: object, {untilReady = false}: {readonly untilReady?: boolean} = {}): Promise<unknown> {
		const {path, requestSerialize, responseDeserialize} = this.#method(name);
		return new Promise((resolve, reject) => {
			this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, this.#newMetadata({waitForReady: untilReady}), this.#limited, (error, answer) => {
				if (error) {
					reject(this.#error(name, error));
				} else {
					resolve(answer);
				}
			});
		});
	}

	/** Sends requests in one stream, which the daemon answers once. @throws SecureNetError `gobgp` */
	async send(name: GobgpMethod, requests: readonly object[]): Promise<void> {
		const {path, requestSerialize, responseDeserialize} = this.#method(name);
		await new Promise<void>((resolve, reject) => {
			const stream = this.#client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, this.#limited, error => {
				if (error) {
					reject(this.#error(name, error));
				} else {
					resolve();
				}
			});
			for (const request of requests) {
				stream.write(request);
			}

			stream.end();
		});
	}

	/** All that a list has. @throws SecureNetError `gobgp` */
	async list<Item>(name: GobgpMethod, request: object): Promise<Item[]> {
		const {path, requestSerialize, responseDeserialize} = this.#method(name);
		const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, this.#limited);
		const items: Item[] = [];
		try {
			for await (const item of stream) {
				items.push(item as Item);
			}
		} catch (error) {
			throw this.#error(name, error as Grpc.ServiceError);
		}

		return items;
	}

	/**
	Calls the listener with every answer of a list that never ends.

	@param lost called once if the daemon or the connection ends it
	*/
	watch(name: GobgpMethod, request: object, listener: (item: unknown) => void, lost: (error: SecureNetError) => void): Watch {
		const {path, requestSerialize, responseDeserialize} = this.#method(name);
		const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
		let open = true;
		stream.on('data', (item: unknown) => {
			if (open) {
				listener(item);
			}
		});
		// An error is always followed by the end of the status, so one listener is enough; without the other the process would end.
		stream.on('error', () => undefined);
		stream.on('status', (status: Grpc.StatusObject) => {
			if (open) {
				open = false;
				lost(this.#error(name, status));
			}
		});
		return {
			close() {
				open = false;
				stream.cancel();
			},
		};
	}

	/** Calls that wait fail. Twice is fine. */
	close(): void {
		this.#closed = true;
		this.#client.close();
	}

	get #limited(): Grpc.CallOptions {
		return {deadline: Date.now() + this.#limit};
	}

	#method(name: GobgpMethod): Call {
		if (this.#closed) {
			throw new SecureNetError('gobgp', `gobgpd of ${this.#node} has been stopped, so it cannot be asked for ${name}.`);
		}

		const method = this.#calls[name];
		if (!method) {
			throw new TypeError(`The schema of gobgpd has no ${name}.`);
		}

		return method;
	}

	#error(name: GobgpMethod, cause: Partial<Grpc.ServiceError>): SecureNetError {
		const isLate = (cause.code as number | undefined) === status.deadlineExceeded;
		return new SecureNetError('gobgp', `gobgpd of ${this.#node} ${isLate ? `did not answer ${name} within ${this.#limit / 1000} s` : `refused ${name}: ${cause.details ?? cause.message ?? 'no reason given'}`}.`, {}, {cause});
	}
}

/** Of gRPC. */
const status = {deadlineExceeded: 4, unavailable: 14} as const;

/** Whether a call failed because no answer came: nobody knows whether the daemon heard it. */
export function isUnanswered(error: unknown): error is SecureNetError {
	const {code} = (error instanceof SecureNetError ? error.cause : undefined) as {readonly code?: unknown} | undefined ?? {};
	return code === status.deadlineExceeded || code === status.unavailable;
}
