/** The BGP side of one edge router: its daemon, told again what it did not hear and started again when it ends, and its agent, told the best paths. */
import {setTimeout} from 'node:timers/promises';
import type {Namespace} from '../kernel/namespace.ts';
import {Gobgp} from '../services/gobgp.ts';
import {type Watch, isUnanswered} from '../services/gobgp-client.ts';
import {type BgpNeighbor, type SessionState, isSameNeighbor} from '../services/gobgp-neighbor.ts';
import type {BgpPath} from '../services/gobgp-path.ts';
import {type Address, type Prefix, formatAddress, formatPrefix} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import type {Agent, Known, Learned} from './agent.ts';
import {failuresOf} from './failures.ts';
import {Telling} from './telling.ts';

export type BgpRouterOptions = {
	readonly name: string;
	readonly namespace: Namespace;
	/** Where its daemon keeps its files. */
	readonly directory: string;
	readonly as: number;
	readonly routerId: string;
	readonly agent: Agent;
	/** The daemon ended, and is started again. */
	readonly down: (error: SecureNetError) => void;
	readonly up: () => void;
	/** The daemon did not answer, and is told again; or it refused what it was told again. */
	readonly failed: (error: SecureNetError) => void;
	/** A session came or went. */
	readonly changed: () => void;
};

/** Milliseconds until a daemon that ended is started again: twice as long each time, up to the limit, and from the beginning once it has run for long enough. */
const backOff = {first: 500, limit: 30_000, longEnough: 60_000} as const;

export class BgpRouter {
	readonly #options: BgpRouterOptions;
	/** What it shall say and to whom, also while it is down. By prefix, by address. */
	readonly #announced = new Map<string, Prefix>();
	readonly #neighbors = new Map<string, BgpNeighbor>();
	readonly #sessions = new Map<string, SessionState>();
	readonly #stopping = new AbortController();
	#gobgp: Gobgp | undefined;
	#telling: Telling | undefined;
	#watch: Watch | undefined;
	#pause: number = backOff.first;
	/** The start that is under way, if one is: there is one at a time. */
	#starting: Promise<void> | undefined;

	constructor(options: BgpRouterOptions) {
		this.#options = options;
	}

	get name(): string {
		return this.#options.name;
	}

	/** @throws SecureNetError `gobgp`; MachineError `missing-program` */
	async start(): Promise<void> {
		this.#starting = this.#begin();
		await this.#starting;
	}

	/** @throws SecureNetError `gobgp` while it is down */
	get gobgp(): Gobgp {
		if (!this.#gobgp) {
			throw new SecureNetError('gobgp', `gobgpd of ${this.name} has ended and is being started again; the error before this one says why it ended.`);
		}

		return this.#gobgp;
	}

	get isUp(): boolean {
		return this.#gobgp !== undefined;
	}

	/** Whether the session with this neighbor is established. */
	hears(neighbor: Address): boolean {
		return this.#sessions.get(formatAddress(neighbor)) === 'established';
	}

	/** From now on it has these neighbors and no others; sessions that stay the same are not broken. One that is refused is in the way of no other. @throws as Telling.tell */
	async setNeighbors(neighbors: readonly BgpNeighbor[]): Promise<void> {
		const wanted = new Map(neighbors.map(each => [formatAddress(each.address), each]));
		const gone = [...this.#neighbors].filter(([address, old]) => !isSameNeighbor(old, wanted.get(address)));
		const coming = [...wanted].filter(([address, each]) => !isSameNeighbor(each, this.#neighbors.get(address)));
		for (const [address] of gone) {
			this.#neighbors.delete(address);
			this.#sessions.delete(address);
		}

		for (const [address, each] of coming) {
			this.#neighbors.set(address, each);
		}

		await this.#tell(async (_, telling) => {
			const failures = await failuresOf(gone.map(async ([, {address}]) => telling.removeNeighbor(address)));
			failures.push(...await failuresOf(coming.map(async ([, each]) => telling.addNeighbor(each))));
			if (failures.length > 0) {
				// What was not answered is told again, and what was refused with it.
				throw failures.find(isUnanswered) ?? failures[0];
			}
		});
	}

	async announce(prefixes: readonly Prefix[]): Promise<void> {
		for (const to of prefixes) {
			this.#announced.set(formatPrefix(to), to);
		}

		await this.#tell(async gobgp => gobgp.announce(prefixes.map(to => ({to}))));
	}

	async withdraw(prefixes: readonly Prefix[]): Promise<void> {
		for (const to of prefixes) {
			this.#announced.delete(formatPrefix(to));
		}

		await this.#tell(async gobgp => gobgp.withdraw(prefixes.map(to => ({to}))));
	}

	/** Twice is fine. */
	async stop(): Promise<void> {
		this.#stopping.abort(new SecureNetError('gobgp', `gobgpd of ${this.name} has been stopped.`));
		const gobgp = this.#gobgp;
		this.#letGo();
		await gobgp?.stop();
		await this.#starting?.catch(() => undefined);
	}

	/** Whoever began it hears of a daemon that ends before it knows everything; only of a later end this router hears itself. */
	async #begin(): Promise<void> {
		const {name, namespace, directory, as, routerId} = this.#options;
		const gobgp = await Gobgp.start({node: name, namespace, directory, as, routerId});
		const begun = performance.now();
		try {
			this.#stopping.signal.throwIfAborted();
			await this.#instruct(gobgp);
			this.#stopping.signal.throwIfAborted();
		} catch (error) {
			this.#letGo();
			await gobgp.stop();
			throw error;
		}

		void gobgp.died.then(error => {
			this.#pause = performance.now() - begun > backOff.longEnough ? backOff.first : this.#pause;
			this.#fall(error);
		});
	}

	/** A daemon that is down or just ending will be told everything when it is up again. */
	async #tell(work: (gobgp: Gobgp, telling: Telling) => Promise<void>): Promise<void> {
		const telling = this.#telling;
		await telling?.tell(async gobgp => work(gobgp, telling));
	}

	/** Changes are heard from before the table is read, and count from after that, so that none is missed. */
	async #instruct(gobgp: Gobgp): Promise<void> {
		const {agent, changed} = this.#options;
		let waiting: Learned[] | undefined = [];
		const watch = gobgp.watch({
			best(changes) {
				const learned = changes.flatMap(({path, withdrawn}) => learnedFrom(path, withdrawn));
				if (waiting) {
					waiting.push(...learned);
				} else {
					agent.learn(learned);
				}
			},
			session: (neighbor, state) => {
				this.#sessions.set(formatAddress(neighbor), state);
				agent.refresh();
				changed();
			},
			lost: () => undefined,
		});
		this.#gobgp = gobgp;
		const telling = new Telling(gobgp, {announced: this.#announced, neighbors: this.#neighbors}, {failed: this.#options.failed, hung: error => {
			this.#starting = this.#end(gobgp, error);
		}});
		this.#telling = telling;
		this.#watch = watch;
		await Promise.all([...this.#neighbors.values()].map(async each => telling.addNeighbor(each)));
		await gobgp.announce([...this.#announced.values()].map(to => ({to})));
		const best = (await gobgp.paths()).filter(path => path.best);
		agent.replace(best.flatMap(path => learnedFrom(path, false)).filter(isKnown));
		agent.learn(waiting);
		waiting = undefined;
	}

	/** A router without a daemon knows nothing of others: what it knew may be wrong by now. */
	#fall(error: SecureNetError): void {
		this.#letGo();
		this.#sessions.clear();
		if (!this.#stopping.signal.aborted) {
			this.#forget();
			this.#options.down(error);
			this.#starting = this.#rise();
		}
	}

	/** Nobody waits for this, so what fails of it is told. */
	#forget(): void {
		try {
			this.#options.agent.replace([]);
		} catch (error) {
			this.#options.failed(error as SecureNetError);
		}
	}

	/** One that does not answer is ended; the next one is told everything from the beginning. */
	async #end(gobgp: Gobgp, error: SecureNetError): Promise<void> {
		this.#letGo();
		await gobgp.stop().catch(() => undefined);
		this.#fall(error);
	}

	#letGo(): void {
		this.#watch?.close();
		this.#telling?.close();
		this.#telling = undefined;
		this.#gobgp = undefined;
	}

	async #rise(): Promise<void> {
		const {signal} = this.#stopping;
		try {
			await setTimeout(this.#pause, undefined, {signal, ref: false});
		} catch {
			return;
		}

		this.#pause = Math.min(2 * this.#pause, backOff.limit);
		try {
			await this.#begin();
			this.#options.up();
		} catch (error) {
			this.#fall(error as SecureNetError);
		}
	}
}

/** What the router announces itself is here, and no business of the agent's. */
function learnedFrom({to, nextHop, neighbor}: BgpPath, withdrawn: boolean): Learned[] {
	return [!withdrawn && neighbor && nextHop.value !== 0n ? {to, nextHop} : {to}];
}

function isKnown(learned: Learned): learned is Known {
	return learned.nextHop !== undefined;
}
