/** Tables of the kernel, read whole by a netlink dump, in pieces that the kernel bounds. See netlink(7). */
import {KernelError} from '../util/errors.ts';
import {type Namespace, inside} from './namespace.ts';
import {NLMSG_ERROR, Request, align, headerLength, openSocket, reasonIn} from './rtnetlink.ts';
import {close, errnoName, recv, send} from './syscall.ts';

const NLM_F_DUMP = 0x3_00;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_DONE = 3;
/** A table that changes during each of so many readings is given up. */
const attempts = 10;
/** Twice the most that the kernel puts into one piece, whatever the reader offers (netlink_recvmsg: 32 KiB). */
const answer = Buffer.alloc(1 << 16);

export type Dump<Item> = {
	/** Netlink family, such as NETLINK_NETFILTER. */
	readonly protocol: number;
	/** Message type of the request. */
	readonly type: number;
	/** What is listed, for the error. */
	readonly object: string;
	/** Writes the fixed part of the request, and attributes that narrow the dump. */
	readonly fill: (request: Request) => void;
	/** Reads what follows the header of one message. The bytes are overwritten afterwards. */
	readonly read: (payload: Buffer) => Item;
};

/**
All objects of a table. It is read again when it changed meanwhile so that the kernel calls the answer inconsistent, and
when the kernel had no buffer for an answer.

@throws KernelError with the kernel's refusal; EINTR when the table never stands still, ENOBUFS when there is never a buffer
*/
export function dump<Item>(namespace: Namespace, what: Dump<Item>): Item[] {
	let errno = '';
	for (let attempt = 1; attempt <= attempts; attempt++) {
		const items: Item[] = [];
		errno = readOnce(namespace, what, items);
		if (errno === '') {
			return items;
		}
	}

	throw new KernelError('list', errno, what.object, {reason: `interrupted ${attempts} times; try again when less changes`, place: namespace.name});
}

/** Each attempt has a socket of its own: what is left of an interrupted answer goes with the old one. Returns why it must be repeated, or nothing. */
function readOnce<Item>(namespace: Namespace, what: Dump<Item>, items: Item[]): string {
	const fd = inside(namespace, () => openSocket(what.protocol));
	try {
		const request = new Request();
		request.begin(what.type, NLM_F_DUMP, 1);
		what.fill(request);
		request.end();
		send(fd, request.bytes, request.length);
		return readAnswers(fd, namespace, what, items);
	} catch (error) {
		if (error instanceof KernelError && error.errno === 'ENOBUFS') {
			return error.errno;
		}

		throw error;
	} finally {
		close(fd);
	}
}

function readAnswers<Item>(fd: number, {name: place}: Namespace, {object, read}: Dump<Item>, items: Item[]): string {
	for (;;) {
		const length = recv(fd, answer);
		for (let at = 0; at + headerLength <= length; at += align(answer.readUInt32LE(at))) {
			const type = answer.readUInt16LE(at + 4);
			if ((answer.readUInt16LE(at + 6) & NLM_F_DUMP_INTR) !== 0) {
				return 'EINTR';
			}

			if (type === NLMSG_DONE || type === NLMSG_ERROR) {
				const code = -answer.readInt32LE(at + headerLength);
				if (code === 0) {
					return '';
				}

				throw new KernelError('list', errnoName(code), object, {reason: type === NLMSG_ERROR ? reasonIn(answer, at) : undefined, place});
			}

			items.push(read(answer.subarray(at + headerLength, at + answer.readUInt32LE(at))));
		}
	}
}
