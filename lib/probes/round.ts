/** Many probes at once, from inside this process: their sockets, the witnesses at both ends, and one epoll for all. */
import {setImmediate} from 'node:timers/promises';
import {Epoll} from '../kernel/syscall.ts';
import type {Network} from '../network/network.ts';
import type {Node} from '../node/node.ts';
import {SecureNetError} from '../util/errors.ts';
import {Answerer} from './answering.ts';
import {type Asked, ask} from './asking.ts';
import {type Evidence, type Outcome, isConclusive, judge, noEvidence} from './outcome.ts';
import {type Probe, type Question, questionOf} from './probe.ts';
import {RoundClock} from './round-clock.ts';
import type {FlowKey} from './seen.ts';
import {wavesOf} from './waves.ts';
import {type Sight, Witness} from './witness.ts';

export type ProbeOptions = {
	/** Milliseconds an answer may take, not counting those in which this process had no time to look; default 1000, and more where firewalls tell each other their connections. A probe that is not answered is sent again at half of that. */
	readonly timeout?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Called often, with the number of finished probes. */
	readonly progress?: ((done: number, total: number) => void) | undefined;
	/** Called where probes are asked in two waves, before each: what firewalls track of these connections must not answer for them. */
	readonly forget?: (() => Promise<void>) | undefined;
};

export type ProbeResult = Outcome & {
	readonly probe: Probe;
	/** Milliseconds until it was clear. */
	readonly ms: number;
};

const defaultTimeout = 1000;
/** An answer may come by a firewall before that is told of its request; TCP repeats it after a second (RFC 6298). */
const syncTimeout = 4000;
const tries = 2;
/** Requests of the last few milliseconds without an answer that hold further ones back: a burst that nobody could carry would look like a firewall. */
const window = {requests: 64, ms: 20} as const;

/** Does this packet reach that host, and its answer come back? @throws as probeAll */
export async function probe(network: Network, one: Probe, options: ProbeOptions = {}): Promise<ProbeResult> {
	const [result] = await probeAll(network, [one], options);
	if (!result) {
		throw new TypeError('A probe has a result.');
	}

	return result;
}

/**
Asks many questions at once and says of each, in the same order, whether it was allowed, blocked, or failed for another reason. See outcome.ts.

@throws InputError `unknown-node`, `probe`, `address`; SecureNetError `interrupted`, `witness`
*/
export async function probeAll(network: Network, probes: readonly Probe[], {timeout = timeoutIn(network), signal, progress, forget}: ProbeOptions = {}): Promise<ProbeResult[]> {
	const questions = probes.map(each => questionOf(network, each));
	const ended = new Map<Question, Decided>();
	const waves = wavesOf(questions);
	for (const wave of waves) {
		if (waves.length > 1) {
			await forget?.();
		}

		using round = new Round(wave, timeout);
		const before = ended.size;
		for (const exchange of await round.run(signal, done => progress?.(before + done, probes.length))) {
			ended.set(exchange.question, exchange);
		}

		if (signal?.aborted && ended.size < probes.length) {
			throw new SecureNetError('interrupted', `Interrupted after ${ended.size} of ${probes.length} probes.`);
		}
	}

	return probes.map((each, index) => {
		const {evidence, began, decided} = ended.get(questions[index] as Question) ?? {evidence: noEvidence(), began: 0, decided: 0};
		return {probe: each, ms: decided - began, ...judge(evidence, each.from, each.to)};
	});
}

function timeoutIn({blueprint}: Network): number {
	return blueprint.links.some(({stateSync}) => stateSync === true) ? syncTimeout : defaultTimeout;
}

type Exchange = {
	readonly question: Question;
	readonly evidence: Evidence;
	began: number;
	/** By the round's own clock, when it is sent again, or given up: each try has its part of it. */
	due: number;
	/** When it was clear; undefined before. */
	decided?: number;
	attempts: number;
	asked?: Asked;
};

type Decided = Exchange & {readonly decided: number};

class Round implements Disposable {
	readonly #timeout: number;
	readonly #exchanges: Exchange[];
	readonly #witnesses = new Map<Node, Witness>();
	readonly #answerers = new Map<string, Answerer>();
	/** What to do when the socket with that number in the epoll is readable. */
	readonly #readers: Array<() => void> = [];
	/** Keys of requests and answers, of first and second tries. */
	readonly #flows = new Map<FlowKey, {readonly exchange: Exchange; readonly part: 'request' | 'answer'}>();
	readonly #epoll = new Epoll();
	readonly #clock = new RoundClock();
	/** How many have begun, and how many of those have ended. */
	#begun = 0;
	#ended = 0;
	/** Sent and not decided. All tries last as long, so these are in the order in which they are due: a turn looks at those that are, however many wait. */
	readonly #open = new Set<Exchange>();
	/** Begun in the last few milliseconds and not decided. */
	readonly #fresh = new Set<Exchange>();
	/** Open ones of which enough has been seen. */
	readonly #clear = new Set<Exchange>();

	constructor(questions: readonly Question[], timeout: number) {
		this.#timeout = timeout;
		this.#exchanges = questions.map(question => ({question, evidence: noEvidence(), began: 0, due: 0, attempts: 0}));
		try {
			questions.forEach(question => {
				this.#prepare(question);
			});
		} catch (error) {
			this[Symbol.dispose]();
			throw error;
		}
	}

	/** Those that have ended: all, unless it was interrupted. */
	async run(signal: AbortSignal | undefined, progress: (done: number) => void): Promise<readonly Decided[]> {
		while (this.#ended < this.#exchanges.length && !signal?.aborted) {
			this.#clock.turn();
			this.#begin();
			await this.#look();
			this.#settle();
			progress(this.#ended);
		}

		return this.#exchanges.filter((exchange): exchange is Decided => exchange.decided !== undefined);
	}

	[Symbol.dispose](): void {
		this.#epoll.close();
		this.#exchanges.forEach(({asked}) => asked?.close());
		for (const each of [...this.#answerers.values(), ...this.#witnesses.values()]) {
			each.close();
		}
	}

	#prepare(question: Question): void {
		for (const node of [question.from, question.to]) {
			if (!this.#witnesses.has(node)) {
				const witness = new Witness(node.namespace);
				this.#witnesses.set(node, witness);
				this.#whenReadable(witness.fd, () => {
					this.#see(node, witness);
				});
			}
		}

		const key = Answerer.key(question);
		if (!this.#answerers.has(key)) {
			const answerer = Answerer.open(question);
			this.#answerers.set(key, answerer);
			if (answerer.fd !== undefined && question.transport !== 'tcp') {
				this.#whenReadable(answerer.fd, () => {
					answerer.serve();
				});
			}
		}
	}

	#whenReadable(fd: number, read: () => void): void {
		this.#epoll.add(fd, this.#readers.push(read) - 1);
	}

	#begin(): void {
		const now = performance.now();
		for (const exchange of this.#fresh) {
			if (exchange.began <= now - window.ms) {
				this.#fresh.delete(exchange);
			}
		}

		for (let holding = this.#fresh.size; holding < window.requests && this.#begun < this.#exchanges.length; holding++) {
			const exchange = this.#exchanges[this.#begun++];
			if (exchange) {
				exchange.began = performance.now();
				this.#fresh.add(exchange);
				this.#send(exchange);
			}
		}
	}

	/** The second try is a packet like the first; of TCP a connection of its own, for the kernel repeats too late. */
	#send(exchange: Exchange): void {
		exchange.attempts++;
		exchange.due = this.#clock.now + this.#timeout / tries;
		this.#open.delete(exchange);
		this.#open.add(exchange);
		exchange.asked?.close();
		delete exchange.asked;
		const trouble = this.#answerers.get(Answerer.key(exchange.question))?.trouble;
		const asked = trouble === undefined ? ask(exchange.question) : {trouble, passing: false};
		if ('trouble' in asked) {
			exchange.evidence.trouble = asked.trouble;
			if (!asked.passing) {
				this.#decide(exchange);
			}

			return;
		}

		exchange.asked = asked;
		this.#flows.set(asked.request, {exchange, part: 'request'});
		this.#flows.set(asked.answer, {exchange, part: 'answer'});
	}

	/** Waits off the main thread when nothing has come yet, so that Ctrl-C and timers are served. */
	async #look(): Promise<void> {
		const ready = this.#epoll.poll();
		if (ready.length > 0) {
			await setImmediate();
		}

		for (const index of ready.length > 0 ? ready : await this.#epoll.wait(5)) {
			this.#readers[index]?.();
		}
	}

	#see(node: Node, witness: Witness): void {
		for (const sight of witness.sights()) {
			const known = this.#flows.get(sight.flow);
			if (known) {
				note(known.exchange, known.part, node, sight);
				if (isConclusive(known.exchange.evidence) && this.#open.has(known.exchange)) {
					this.#clear.add(known.exchange);
				}
			}
		}
	}

	#settle(): void {
		for (const exchange of this.#clear) {
			this.#decide(exchange);
		}

		for (const exchange of this.#open) {
			if (exchange.due > this.#clock.now) {
				break;
			}

			// What is clear is decided: a further packet would only be counted.
			if (exchange.attempts < tries && !this.#clear.has(exchange)) {
				this.#send(exchange);
			} else {
				this.#decide(exchange);
			}
		}
	}

	/** What left the target has been seen there before it was seen at the source, but not yet looked at. */
	#decide(exchange: Exchange): void {
		const {to} = exchange.question;
		const witness = this.#witnesses.get(to);
		if (!exchange.evidence.answerArrived && witness) {
			this.#see(to, witness);
		}

		exchange.decided = performance.now();
		this.#ended++;
		for (const each of [this.#open, this.#fresh, this.#clear]) {
			each.delete(exchange);
		}

		exchange.asked?.close();
		delete exchange.asked;
	}
}

/** Errors are about the request, whichever way they go; resets go the way of the answer. */
function note({question: {from, to}, evidence}: Exchange, part: 'request' | 'answer', node: Node, {kind, direction}: Sight): void {
	const isError = kind === 'prohibited' || kind === 'unreachable';
	if (isError ? part === 'request' : kind === 'reset') {
		if (node === to && direction === 'out') {
			evidence.closed = true;
		} else if (node === from && direction === 'in') {
			evidence.refusal = kind === 'packet' ? 'unreachable' : kind;
		}
	} else if (part === 'request') {
		evidence.requestLeft ||= node === from && direction === 'out';
		evidence.requestArrived ||= node === to && direction === 'in';
	} else {
		evidence.answerLeft ||= node === to && direction === 'out';
		evidence.answerArrived ||= node === from && direction === 'in';
	}
}
