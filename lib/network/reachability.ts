/** Pings between many pairs of nodes at once, from inside this process. Exact: a pair is lost only after its own time-out and one more try. */
import {setImmediate} from 'node:timers/promises';
import {PingSocket} from '../kernel/icmp.ts';
import {Epoll} from '../kernel/syscall.ts';
import type {Node} from '../node/node.ts';
import type {Address, Family} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import type {Network} from './network.ts';

export type PingResult = {
	readonly sent: number;
	readonly received: number;
	/** Source and destination of every pair without an answer, both in the order of the topology. */
	readonly lost: Array<[string, string]>;
	/** Duration of the whole in milliseconds. */
	readonly ms: number;
};

export type PingOptions = {
	/** Which pairs, as [source, destination]; default: every host to every other. */
	readonly pairs?: ReadonlyArray<readonly [string, string]> | undefined;
	/** Milliseconds a reply may take; default 1000. */
	readonly timeout?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Called often, with the number of finished pairs. */
	readonly progress?: ((done: number, total: number) => void) | undefined;
};

const defaultTimeout = 1000;
const tries = 2;
/** Requests without an answer that hold further ones back: each unresolved neighbour costs a flooded question. */
const window = 64;
/**
Milliseconds after which a request no longer holds others back: four times as long as replies take, within these bounds.
Whoever is blocked must not slow down the rest, and a network that falls behind must not be given more. Never longer than
the time-out, so that a request holds nothing back any more when its pair is tried again.
*/
const holdingBack = {least: 20, most: 500, roundTrips: 4} as const;

/**
IPv4 where both have it, else IPv6. A pair without a common family, or without a route, is lost at once.

@throws InputError `unknown-node`; SecureNetError `interrupted`
*/
export async function pingAll(network: Network, {pairs = allPairs(network), timeout = defaultTimeout, signal, progress}: PingOptions = {}): Promise<PingResult> {
	const started = performance.now();
	const lost = inOrder(network, await new Round(network, pairs, timeout).run(signal, progress));
	return {sent: pairs.length, received: pairs.length - lost.length, lost, ms: performance.now() - started};
}

function inOrder(network: Network, pairs: ReadonlyArray<readonly [string, string]>): Array<[string, string]> {
	const position = new Map([...network.nodes.keys()].map((name, index) => [name, index]));
	const place = (name: string) => position.get(name) ?? 0;
	return pairs.map(([from, to]): [string, string] => [from, to]).sort(([a, b], [c, d]) => place(a) - place(c) || place(b) - place(d));
}

/** Neighbouring sources take turns, so that no host is flooded: first every host to the next one, then to the one after it, and so on. */
function allPairs(network: Network): Array<[string, string]> {
	const hosts = [...network.nodes.values()].filter(({kind}) => kind === 'host').map(({name}) => name);
	return hosts.slice(1).flatMap((_, distance) => hosts.map((host, index): [string, string] => [host, hosts[(index + distance + 1) % hosts.length] ?? host]));
}

type Pair = {readonly names: readonly [string, string]; readonly socket: PingSocket | undefined; readonly to: Address | undefined};

/** One echo request. Its place in the list of all requests is the order in which their time runs out. */
type Sent = {readonly pair: number; readonly at: number; readonly attempt: number};

class Round {
	readonly #pairs: readonly Pair[];
	readonly #timeout: number;
	readonly #sockets: PingSocket[] = [];
	readonly #epoll = new Epoll();
	readonly #lost = new Set<number>();
	readonly #answered = new Set<number>();
	readonly #sent: Sent[] = [];
	/** Requests before this one have been answered or have timed out. */
	#oldest = 0;
	/** Requests before this one hold nothing back any more. */
	#recent = 0;
	/** The latest request of each pair. */
	readonly #latest = new Map<number, number>();
	#holding = 0;
	/** Milliseconds; rises at once, falls slowly. */
	#roundTrip = 0;
	#next = 0;
	readonly #again: number[] = [];

	constructor(network: Network, pairs: ReadonlyArray<readonly [string, string]>, timeout: number) {
		this.#timeout = timeout;
		try {
			this.#pairs = this.#prepare(network, pairs);
		} catch (error) {
			this.#close();
			throw error;
		}
	}

	async run(signal: AbortSignal | undefined, progress: PingOptions['progress']): Promise<Array<readonly [string, string]>> {
		try {
			while (this.#finished < this.#pairs.length) {
				if (signal?.aborted) {
					throw new SecureNetError('interrupted', `Interrupted after ${this.#finished} of ${this.#pairs.length} pairs.`);
				}

				this.#fill();
				await this.#receive();
				this.#expire();
				progress?.(this.#finished, this.#pairs.length);
			}
		} finally {
			this.#close();
		}

		return [...this.#lost].flatMap(pair => this.#pairs[pair] ? [this.#pairs[pair].names] : []);
	}

	get #finished(): number {
		return this.#answered.size + this.#lost.size;
	}

	/** One socket a source and family, made when its first pair needs it. */
	#prepare(network: Network, pairs: ReadonlyArray<readonly [string, string]>): Pair[] {
		const sockets = new Map<string, PingSocket>();
		return pairs.map(names => {
			const [from, to] = names.map(name => network.node(name));
			const address = from && to && targetOf(from, to);
			if (!from || !address) {
				return {names, socket: undefined, to: undefined};
			}

			const key = `${from.name} ${address.family}`;
			const socket = sockets.get(key) ?? this.#open(from, address.family);
			sockets.set(key, socket);
			return {names, socket, to: address};
		});
	}

	#open(from: Node, family: Family): PingSocket {
		const socket = new PingSocket(from.namespace, family);
		this.#epoll.add(socket.fd, this.#sockets.push(socket) - 1);
		return socket;
	}

	/** Second tries first. */
	#fill(): void {
		while (this.#holding < window) {
			const again = this.#again.shift();
			if (again !== undefined) {
				this.#send(again, tries);
			} else if (this.#next < this.#pairs.length) {
				this.#send(this.#next, 1);
				this.#next++;
			} else {
				return;
			}
		}
	}

	/** A full send buffer is nobody's loss: the request counts as sent now, and is tried again when its time is over. */
	#send(index: number, attempt: number): void {
		const pair = this.#pairs[index];
		const refusal = pair?.socket && pair.to ? pair.socket.send(pair.to, index) : 'no way';
		if (refusal !== undefined && !['EAGAIN', 'ENOBUFS'].includes(refusal)) {
			this.#failed(index, attempt);
			return;
		}

		this.#latest.set(index, this.#sent.push({pair: index, at: performance.now(), attempt}) - 1);
		this.#holding++;
	}

	/** Waits off the main thread when nothing has come yet, so that Ctrl-C and timers are served. */
	async #receive(): Promise<void> {
		const ready = this.#epoll.poll();
		if (ready.length > 0) {
			await setImmediate();
		}

		for (const index of ready.length > 0 ? ready : await this.#epoll.wait(10)) {
			const socket = this.#sockets[index];
			for (let pair = socket?.receive(); pair !== undefined; pair = socket?.receive()) {
				this.#replied(pair);
			}
		}
	}

	/** A late reply to the first try counts as well. */
	#replied(index: number): void {
		if (this.#answered.has(index) || !this.#latest.has(index)) {
			return;
		}

		this.#answered.add(index);
		this.#lost.delete(index);
		this.#measure(index);
		if ((this.#latest.get(index) ?? 0) >= this.#recent) {
			this.#holding--;
		}
	}

	#measure(index: number): void {
		const took = performance.now() - (this.#sent[this.#latest.get(index) ?? 0]?.at ?? 0);
		this.#roundTrip = Math.max(took, (this.#roundTrip * 0.98) + (took * 0.02));
	}

	#expire(): void {
		const now = performance.now();
		const patience = Math.min(this.#timeout, holdingBack.most, Math.max(holdingBack.least, this.#roundTrip * holdingBack.roundTrips));
		this.#recent = this.#passOver(this.#recent, now - patience, () => {
			this.#holding--;
		});
		this.#oldest = this.#passOver(this.#oldest, now - this.#timeout, ({pair, attempt}) => {
			this.#failed(pair, attempt);
		});
	}

	/** Walks over requests sent before `limit`, handing out those without an answer. */
	#passOver(from: number, limit: number, unanswered: (sent: Sent) => void): number {
		let index = from;
		for (let sent = this.#sent[index]; sent && sent.at <= limit; sent = this.#sent[++index]) {
			if (!this.#answered.has(sent.pair)) {
				unanswered(sent);
			}
		}

		return index;
	}

	#failed(pair: number, attempt: number): void {
		if (attempt < tries) {
			this.#again.push(pair);
		} else {
			this.#lost.add(pair);
		}
	}

	#close(): void {
		this.#epoll.close();
		for (const socket of this.#sockets) {
			socket.close();
		}
	}
}

/** Undefined when the two have no family in common. */
function targetOf(from: Node, to: Node): Address | undefined {
	const families = addressesOf(from).map(({family}) => family);
	const targets = addressesOf(to).filter(({family}) => families.includes(family));
	return targets.find(({family}) => family === 4) ?? targets[0];
}

function addressesOf(node: Node): Address[] {
	return node.interfaces.flatMap(({addresses}) => addresses.map(({address}) => address));
}
