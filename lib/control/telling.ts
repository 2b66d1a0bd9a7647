/** What one BGP daemon is told, and told again until it answers: nobody knows what a call without an answer came to. */
import {setTimeout} from 'node:timers/promises';
import type {Gobgp} from '../services/gobgp.ts';
import {isUnanswered} from '../services/gobgp-client.ts';
import {type BgpNeighbor, isSameNeighbor} from '../services/gobgp-neighbor.ts';
import {type Address, type Prefix, formatAddress, formatPrefix} from '../util/address.ts';
import {SecureNetError, messageOf} from '../util/errors.ts';

/** All that the daemon shall know, as it is at the moment. */
export type Wanted = {
	/** By prefix. */
	readonly announced: ReadonlyMap<string, Prefix>;
	/** By address. */
	readonly neighbors: ReadonlyMap<string, BgpNeighbor>;
};

export type TellingListener = {
	/** It did not answer, and is told again; or it refused what it was told again. */
	readonly failed: (error: SecureNetError) => void;
	/** It has not answered for so often that it is no longer told anything. */
	readonly hung: (error: SecureNetError) => void;
};

/** Milliseconds until it is told again, twice as long each time, and how often. */
const repeat = {first: 500, times: 4} as const;
/** Milliseconds for which others wait until it has answered; a call takes 1 to 3 on an idle machine. */
const politeness = 2000;

export class Telling {
	readonly #gobgp: Gobgp;
	readonly #wanted: Wanted;
	readonly #listener: TellingListener;
	readonly #closing = new AbortController();
	/** Neighbors as it was last told of them and said yes, by address: it does not say itself how it has them. */
	readonly #told = new Map<string, BgpNeighbor>();
	#isRepeating = false;
	/** Whether what it is being told is no longer waited for. */
	#isLate = false;
	/** Whether it may not have heard everything. */
	#owes = false;

	constructor(gobgp: Gobgp, wanted: Wanted, listener: TellingListener) {
		this.#gobgp = gobgp;
		this.#wanted = wanted;
		this.#listener = listener;
	}

	/**
	Call when what is wanted has changed. While the daemon is told again what it has not heard, that is part of it. One that is silent is waited for a short while only: it is told more when it has answered.

	@throws SecureNetError `gobgp` when it refuses
	*/
	async tell(work: (gobgp: Gobgp) => Promise<void>): Promise<void> {
		if (this.#isRepeating || this.#isLate) {
			this.#owes = true;
			return;
		}

		const telling = this.#hear(work);
		const waiting = new AbortController();
		const late = setTimeout(politeness, 'late', {signal: waiting.signal}).catch(() => undefined);
		try {
			this.#isLate = await Promise.race([telling, late]) === 'late';
		} finally {
			waiting.abort();
		}

		if (this.#isLate) {
			void this.#follow(telling);
		}
	}

	/** @throws SecureNetError `gobgp` when it refuses or does not answer */
	async addNeighbor(neighbor: BgpNeighbor): Promise<void> {
		await this.#gobgp.addNeighbor(neighbor);
		this.#told.set(formatAddress(neighbor.address), neighbor);
	}

	/** @throws as addNeighbor */
	async removeNeighbor(address: Address): Promise<void> {
		this.#told.delete(formatAddress(address));
		await this.#gobgp.removeNeighbor(address);
	}

	/** It is told nothing more. Twice is fine. */
	close(): void {
		this.#closing.abort();
	}

	#isClosed(): boolean {
		return this.#closing.signal.aborted;
	}

	/** What is not answered is told again. @throws SecureNetError `gobgp` when it refuses */
	async #hear(work: (gobgp: Gobgp) => Promise<void>): Promise<void> {
		try {
			await work(this.#gobgp);
		} catch (error) {
			if (this.#isClosed()) {
				return;
			}

			if (!isUnanswered(error)) {
				throw error;
			}

			this.#owes = true;
			void this.#repeat(error);
		}
	}

	/** Nobody else hears how it ended what it was told. Never throws. */
	async #follow(telling: Promise<void>): Promise<void> {
		try {
			await telling;
		} catch (error) {
			this.#tellRefusal(error);
		}

		this.#isLate = false;
		if (this.#owes) {
			await this.#repeat();
		}
	}

	/** Once is enough for all that was not answered. Never throws. */
	async #repeat(silence?: SecureNetError): Promise<void> {
		if (this.#isRepeating) {
			return;
		}

		this.#isRepeating = true;
		this.#tellSilence(silence);
		let [last, times, wasRefused] = [silence, 0, false];
		while (this.#owes && times < repeat.times && !this.#isClosed()) {
			await setTimeout(repeat.first << times, undefined, {signal: this.#closing.signal, ref: false}).catch(() => undefined);
			this.#owes = false;
			try {
				await this.#makeGood();
				[times, wasRefused] = [0, false];
			} catch (error) {
				if (isUnanswered(error)) {
					this.#tellSilence(last ? undefined : error);
					this.#owes = true;
					[last, times] = [error, times + 1];
				} else if (wasRefused) {
					this.#tellRefusal(error);
				} else {
					// What it did not answer before and hears only now can be in the way.
					this.#owes = true;
					wasRefused = true;
				}
			}
		}

		this.#isRepeating = false;
		if (last && this.#owes && !this.#isClosed()) {
			this.#listener.hung(new SecureNetError('gobgp', `gobgpd of ${this.#gobgp.node} was told ${repeat.times} times and has not answered, so it is ended: ${last.message}`, {}, {cause: last}));
		}
	}

	#tellSilence(cause: SecureNetError | undefined): void {
		if (cause && !this.#isClosed()) {
			this.#listener.failed(new SecureNetError('gobgp', `${cause.message} It is told again until it answers.`, {}, {cause}));
		}
	}

	/** One that answers is no worse for what it refuses, and would refuse it again. */
	#tellRefusal(cause: unknown): void {
		if (!this.#isClosed()) {
			const {node} = this.#gobgp;
			this.#listener.failed(new SecureNetError('gobgp', `${messageOf(cause)} It is not told again, and may lack more; "bgp neighbors ${node}" and "bgp rib ${node}" show what it has.`, {}, {cause}));
		}
	}

	/** It is asked what it has: what it did not answer it may have heard all the same, and late. */
	async #makeGood(): Promise<void> {
		const [gobgp, {announced, neighbors}] = [this.#gobgp, this.#wanted];
		const [paths, states] = await Promise.all([gobgp.paths(), gobgp.neighbors()]);
		const own = new Map(paths.filter(({neighbor}) => !neighbor).map(({to}) => [formatPrefix(to), to]));
		await gobgp.announce(beyond(announced, own).map(to => ({to})));
		await gobgp.withdraw(beyond(own, announced).map(to => ({to})));
		const known = new Map(states.map(({address}) => [formatAddress(address), address]));
		const right = new Map([...neighbors].filter(([key, each]) => known.has(key) && isSameNeighbor(each, this.#told.get(key))));
		await Promise.all(beyond(known, right).map(async address => this.removeNeighbor(address)));
		await Promise.all(beyond(neighbors, right).map(async each => this.addNeighbor(each)));
	}
}

/** Those whose keys the others do not have. */
function beyond<Item>(all: ReadonlyMap<string, Item>, others: ReadonlyMap<string, unknown>): Item[] {
	return [...all].filter(([key]) => !others.has(key)).map(([, item]) => item);
}
