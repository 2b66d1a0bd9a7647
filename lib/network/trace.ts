/** Which routers a packet really passes: echo requests of rising TTL, sent from inside a node, all at once. */
import {Epoll} from '../kernel/syscall.ts';
import {type TraceAnswer, TraceSocket} from '../kernel/trace-socket.ts';
import type {Node} from '../node/node.ts';
import type {Address} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';

export type TraceOptions = {
	/** An address of the node. */
	readonly source: Address;
	/** TTLs to send with. */
	readonly ttls: readonly number[];
	/** Those of them that should be answered: the others are hardly waited for. */
	readonly expected: readonly number[];
	/** Milliseconds an expected answer may take; default 1000. What has no answer is sent again at half of that. */
	readonly timeout?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

const defaultTimeout = 1000;
/** Milliseconds that one waiting lasts, so that it can be interrupted. */
const pause = 5;
/** Milliseconds for an answer that need not come. */
const grace = 50;

/** Answers by the TTL of their requests. @throws KernelError; SecureNetError `interrupted` */
export async function trace(node: Node, destination: Address, {source, ttls, expected, timeout = defaultTimeout, signal}: TraceOptions): Promise<Map<number, TraceAnswer>> {
	const socket = new TraceSocket(node.namespace, source);
	const epoll = new Epoll();
	const answers = new Map<number, TraceAnswer>();
	const send = () => {
		for (const ttl of ttls.filter(each => !answers.has(each))) {
			socket.send(destination, ttl, ttl);
		}
	};

	try {
		epoll.add(socket.fd, 0);
		const began = performance.now();
		send();
		const isOpen = (waited: number) => (waited < timeout && expected.some(ttl => !answers.has(ttl))) || (waited < grace && ttls.some(ttl => !answers.has(ttl)));
		for (let sent = 1; isOpen(performance.now() - began);) {
			if (signal?.aborted) {
				throw new SecureNetError('interrupted', 'Interrupted before the routers have answered.');
			}

			if (sent === 1 && performance.now() - began > timeout / 2) {
				sent++;
				send();
			}

			await epoll.wait(pause);
			collect(socket, answers);
		}

		collect(socket, answers);
		return answers;
	} finally {
		epoll.close();
		socket.close();
	}
}

function collect(socket: TraceSocket, answers: Map<number, TraceAnswer>): void {
	for (let answer = socket.receive(); answer; answer = socket.receive()) {
		answers.set(answer.number, answer);
	}
}
