/** Synchronous, batched rtnetlink: many requests in one send, one acknowledgement, every refusal with the kernel's own words. See netlink(7), rtnetlink(7). */
import {KernelError} from '../util/errors.ts';
import {type Namespace, inside} from './namespace.ts';
import {AF_NETLINK, SOCK_RAW, SOL_SOCKET, SO_RCVBUFFORCE, close, errnoName, recv, send, setSocketOption, socket} from './syscall.ts';

/** Message types of linux/rtnetlink.h. */
export const rtm = {
	newLink: 16, deleteLink: 17, getLink: 18, newAddress: 20, deleteAddress: 21, getAddress: 22, newRoute: 24, deleteRoute: 25, getRoute: 26, newNeighbor: 28, deleteNeighbor: 29, getNeighbor: 30,
	newRule: 32, deleteRule: 33, getRule: 34, newQdisc: 36, deleteQdisc: 37,
} as const;
/** Request flags of linux/netlink.h. */
export const flag = {replace: 0x1_00, exclusive: 0x2_00, create: 0x4_00} as const;

/** Its family, for `dump`. */
export const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_CAPPED = 0x1_00;
const NLM_F_ACK_TLVS = 0x2_00;
export const NLMSG_ERROR = 2;
const NLMSGERR_ATTR_MSG = 1;
/** Bytes of struct nlmsghdr: length, type, flags, sequence number, port. */
export const headerLength = 16;
/** Bytes of requests in one send; half of the usual send buffer (net.core.wmem_default, 212,992). */
const sendLimit = 100_000;
/** No single request comes near this. */
const roomForOne = 8192;

export type RtnetlinkFailure = {
	readonly errno: string;
	/** The errno's number; some subsystems have numbers of their own, from 4096, which have no name. */
	readonly code: number;
	readonly reason: string | undefined;
	readonly operation: string;
	readonly object: string;
};

/** One or more requests of a batch were refused; the others took effect. */
export class RtnetlinkError extends KernelError {
	override name = 'RtnetlinkError';
	readonly failures: readonly RtnetlinkFailure[];

	constructor(failures: readonly [RtnetlinkFailure, ...RtnetlinkFailure[]], place: string) {
		const [first] = failures;
		super(first.operation, first.errno, first.object, {reason: first.reason, place});
		this.failures = failures;
		if (failures.length > 1) {
			this.message += `; and ${failures.length - 1} more`;
		}
	}
}

/** A request under construction; attributes nest with `nested`. All numbers are in host byte order but addresses. */
export class Request {
	#buffer = Buffer.alloc(2 * sendLimit);
	#length = 0;
	#start = 0;

	get length(): number {
		return this.#length;
	}

	get bytes(): Buffer {
		return this.#buffer;
	}

	reset(): void {
		this.#length = 0;
	}

	begin(type: number, flags: number, sequence: number): void {
		this.#start = this.#length;
		this.#zero(headerLength);
		this.#buffer.writeUInt16LE(type, this.#start + 4);
		this.#buffer.writeUInt16LE(flags | NLM_F_REQUEST, this.#start + 6);
		this.#buffer.writeUInt32LE(sequence, this.#start + 8);
	}

	end(): void {
		this.#buffer.writeUInt32LE(this.#length - this.#start, this.#start);
	}

	/** Asks for an answer to the request that ended last. */
	acknowledgeLast(): void {
		this.#buffer.writeUInt16LE(this.#buffer.readUInt16LE(this.#start + 6) | NLM_F_ACK, this.#start + 6);
	}

	/** Appends the fixed part of a message; `fill` writes into its zeroed bytes. */
	fixed(length: number, fill: (bytes: Buffer) => void): this {
		const at = this.#zero(length);
		fill(this.#buffer.subarray(at, at + length));
		return this;
	}

	/** A number becomes 32 bits, a text ends with NUL. */
	attribute(type: number, value: number | string | Uint8Array): this {
		const at = this.#zero(4);
		if (typeof value === 'number') {
			this.#buffer.writeUInt32LE(value >>> 0, this.#zero(4));
		} else if (typeof value === 'string') {
			this.#buffer.write(value, this.#zero(Buffer.byteLength(value) + 1));
		} else {
			this.#buffer.set(value, this.#zero(value.length));
		}

		return this.#close(type, at);
	}

	nested(type: number, fill: () => void): this {
		const at = this.#zero(4);
		fill();
		return this.#close(type, at);
	}

	/** Writes an attribute's header and pads it to four bytes. */
	#close(type: number, at: number): this {
		this.#buffer.writeUInt16LE(this.#length - at, at);
		this.#buffer.writeUInt16LE(type, at + 2);
		this.#zero(-this.#length & 3);
		return this;
	}

	#zero(length: number): number {
		const at = this.#length;
		this.#length += length;
		this.#buffer.fill(0, at, this.#length);
		return at;
	}
}

/** A queue of requests to one namespace's rtnetlink. Nothing happens before `flush`, or before the queue is full. */
export class Rtnetlink {
	static readonly #answer = Buffer.alloc(1 << 18);
	readonly #fd: number;
	readonly #place: string;
	readonly #request: Request;
	readonly #labels = new Map<number, {operation: string; object: string}>();
	/** Refusals that `flush` has yet to tell. */
	#failures: RtnetlinkFailure[] = [];
	#sequence = 0;

	/**
	@param request lets many sockets share one buffer
	@param protocol another netlink family that batches the same way, such as NETLINK_NETFILTER
	*/
	constructor(namespace: Namespace, request = new Request(), protocol = NETLINK_ROUTE) {
		this.#place = namespace.name;
		this.#request = request;
		this.#fd = inside(namespace, () => openSocket(protocol));
	}

	/**
	Queues one request; a full queue is sent first. What the kernel refuses of it only `flush` throws, so that a loop of
	additions always gets to its end.

	@param operation such as `new link`, for the error
	@param object such as `h1-eth0`, for the error
	*/
	add(type: number, flags: number, {operation, object}: {operation: string; object: string}, fill: (request: Request) => void): void {
		if (this.#request.length > sendLimit - roomForOne) {
			this.#send();
		}

		this.#sequence++;
		this.#labels.set(this.#sequence, {operation, object});
		this.#request.begin(type, flags, this.#sequence);
		fill(this.#request);
		this.#request.end();
	}

	/** Sends what is queued and waits for the kernel. @throws RtnetlinkError with every request that failed since the last flush */
	flush(): void {
		if (this.#request.length > 0) {
			this.#send();
		}

		const [first, ...others] = this.#failures.splice(0);
		if (first) {
			throw new RtnetlinkError([first, ...others], this.#place);
		}
	}

	/**
	As `flush`, but what is refused for these reasons is taken to be so already.

	@param harmless names of errors, such as `EEXIST`
	@returns whether nothing at all was refused
	*/
	flushExcept(...harmless: readonly string[]): boolean {
		try {
			this.flush();
			return true;
		} catch (error) {
			if (error instanceof RtnetlinkError && error.failures.every(({errno}) => harmless.includes(errno))) {
				return false;
			}

			throw error;
		}
	}

	close(): void {
		close(this.#fd);
	}

	[Symbol.dispose](): void {
		this.close();
	}

	#send(): void {
		this.#request.acknowledgeLast();
		send(this.#fd, this.#request.bytes, this.#request.length);
		this.#request.reset();
		this.#readAnswers();
		this.#labels.clear();
	}

	/** Reads answers up to the one for the last request. */
	#readAnswers(): void {
		const answer = Rtnetlink.#answer;
		for (let done = false; !done;) {
			const length = recv(this.#fd, answer);
			for (let at = 0; at + headerLength <= length; at += align(answer.readUInt32LE(at))) {
				const sequence = answer.readUInt32LE(at + 8);
				const code = answer.readUInt16LE(at + 4) === NLMSG_ERROR ? -answer.readInt32LE(at + headerLength) : 0;
				if (code !== 0) {
					const label = this.#labels.get(sequence) ?? {operation: 'request', object: `${sequence}`};
					this.#failures.push({...label, errno: errnoName(code), code, reason: reasonIn(answer, at)});
				}

				done ||= sequence === this.#sequence;
			}
		}
	}
}

/** A socket of the namespace this thread is in; close it with `close`. */
export function openSocket(protocol: number): number {
	const fd = socket(AF_NETLINK, SOCK_RAW, protocol);
	setSocketOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	setSocketOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	// A batch of which every request fails must not overflow the receive buffer.
	setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
	return fd;
}

/** The text of the extended acknowledgement: attributes behind the error and the copied request header. */
export function reasonIn(answer: Buffer, at: number): string | undefined {
	const flags = answer.readUInt16LE(at + 6);
	if ((flags & NLM_F_ACK_TLVS) === 0) {
		return undefined;
	}

	const end = at + answer.readUInt32LE(at);
	const copied = at + headerLength + 4;
	let attribute = copied + ((flags & NLM_F_CAPPED) === 0 ? align(answer.readUInt32LE(copied)) : headerLength);
	while (attribute + 4 <= end) {
		const length = answer.readUInt16LE(attribute);
		if (answer.readUInt16LE(attribute + 2) === NLMSGERR_ATTR_MSG) {
			return answer.toString('utf8', attribute + 4, attribute + length - 1);
		}

		attribute += Math.max(4, align(length));
	}

	return undefined;
}

/** Messages and attributes begin at multiples of four bytes. */
export function align(length: number): number {
	return (length + 3) & ~3;
}
