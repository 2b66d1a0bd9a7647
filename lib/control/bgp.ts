/** The control plane that needs no center: a BGP daemon in each edge router announces the hosts there to those in all the others. */
import {join} from 'node:path';
import {livePaths} from '../network/live-plan.ts';
import type {Network} from '../network/network.ts';
import type {Gobgp} from '../services/gobgp.ts';
import type {NeighborState} from '../services/gobgp-neighbor.ts';
import type {BgpPath} from '../services/gobgp-path.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {type EdgePlan, type Session, edgesOf, sessionsOf} from '../topology/bgp-sessions.ts';
import {type Prefix, formatAddress} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import {Awaited} from './awaited.ts';
import {Batch, type Deed} from './batch.ts';
import {BgpRouter} from './bgp-router.ts';
import {type ControlPlane, type RouterChange, prefixesOf} from './control-plane.ts';
import type {Edges} from './edges.ts';
import {allOf} from './failures.ts';
import {routerIdOf} from './router-id.ts';
import {hasAddresses, isSame, keyOf, neighborsOf, wayFinder} from './sessions.ts';
import {until} from './until.ts';

/** Milliseconds in which the first sessions come about: GoBGP waits up to 10 s before it tries, and may have to try again. */
const patience = 30_000;

export class BgpControl implements ControlPlane {
	readonly kind = 'bgp';
	readonly #network: Network;
	readonly #edges: Edges;
	readonly #routers = new Map<string, BgpRouter>();
	/** By `keyOf`. */
	#sessions: ReadonlyMap<string, Session> = new Map();
	readonly #awaited = new Awaited();
	/** What is under way. */
	#last: Promise<unknown> = Promise.resolve();
	/** What is to be told next. */
	#batch = new Batch();
	/** Are told of sessions and routers that come and go. */
	readonly #listeners = new Set<() => void>();
	#isDown = false;

	private constructor(network: Network, edges: Edges) {
		this.#network = network;
		this.#edges = edges;
		edges.on('join', join => {
			if (join.before) {
				this.#put('withdraw', join.before.router, prefixesOf(join.before));
			}

			// Of a prefix at one router the last word counts.
			this.#put('announce', join.router, prefixesOf(join));
		});
		edges.on('leave', place => {
			this.#put('withdraw', place.router, prefixesOf(place));
		});
		edges.on('router', change => {
			this.#follow(change);
		});
		edges.on('wires', change => {
			this.#begin(async () => this.#rewire(change));
		});
	}

	/**
	Starts a daemon in every edge router and waits until all sessions are established; those that are not in time are told of as a failure, and go on trying.

	@throws SecureNetError `gobgp`, `interrupted`; MachineError `missing-program`
	*/
	static async start(network: Network, edges: Edges, signal?: AbortSignal): Promise<BgpControl> {
		const control = new BgpControl(network, edges);
		try {
			await control.#reconfigure();
			await control.ready(signal);
		} catch (error) {
			await control.down();
			throw error;
		}

		return control;
	}

	/** Who waits is told what failed; nobody who comes later is. */
	async settled(): Promise<void> {
		const last = this.#last;
		try {
			await last;
		} catch (error) {
			if (this.#last === last) {
				this.#last = Promise.resolve();
			}

			throw error;
		}
	}

	async ready(signal?: AbortSignal): Promise<void> {
		const coming = this.#awaited.take();
		const missing = () => coming.filter(session => this.#isCurrent(session) && !this.#isEstablished(session)).map(({ends: [a, b]}) => `${b.router} with ${formatAddress(a.address)}`);
		await until(() => missing().length === 0, {limit: patience, signal, watch: look => {
			this.#listeners.add(look);
			return () => this.#listeners.delete(look);
		}});
		if (signal?.aborted) {
			throw new SecureNetError('interrupted', 'Interrupted while waiting for BGP sessions.');
		}

		if (missing().length > 0) {
			this.#fail(new SecureNetError('bgp-session', `No BGP session within ${patience / 1000} s: ${missing().join(', ')}. They go on trying; "bgp neighbors" shows how far they are.`));
		}
	}

	async neighbors(router: string): Promise<NeighborState[]> {
		const gobgp = await this.#daemonOf(router);
		return gobgp.neighbors();
	}

	async rib(router: string): Promise<BgpPath[]> {
		const gobgp = await this.#daemonOf(router);
		return gobgp.paths();
	}

	async down(): Promise<void> {
		this.#isDown = true;
		const routers = [...this.#routers.values()];
		this.#routers.clear();
		// Nobody waits for sessions any more.
		this.#sessions = new Map();
		this.#tellListeners();
		await allOf(routers.map(async router => router.stop()));
	}

	/** What goes wrong only because the lab goes down is no failure. */
	#fail(error: SecureNetError): void {
		if (!this.#isDown) {
			this.#edges.emit('failure', error);
		}
	}

	#tellListeners(): void {
		for (const listener of this.#listeners) {
			listener();
		}
	}

	/** When nothing is under way; what fails of it is for others to hear. */
	async #daemonOf(name: string): Promise<Gobgp> {
		await this.#last.catch(() => undefined);
		const router = this.#routers.get(name);
		if (!router) {
			throw unknownName('edge router', name, this.#routers.keys());
		}

		return router.gobgp;
	}

	/** Nobody waits for what links and tunnels that came or went lead to, so what fails of it is told. */
	async #rewire(change: 'added' | 'removed'): Promise<void> {
		try {
			await this.#reconfigure({isDoubtful: change === 'removed'}).finally(() => {
				if (change === 'added') {
					this.#awaited.hope(session => this.#isCurrent(session), this.#wayFinder());
				}
			});
		} catch (error) {
			this.#fail(error as SecureNetError);
		}
	}

	#follow({change, router}: RouterChange): void {
		if (change === 'added' || change === 'removed') {
			this.#begin(async () => {
				if (change === 'removed') {
					await this.#routers.get(router)?.stop();
					this.#routers.delete(router);
				}

				await this.#reconfigure();
			});
		}
	}

	#wayFinder(): (session: Session) => boolean {
		return wayFinder(this.#edges.blueprint, () => livePaths(this.#network));
	}

	/** All that comes while the program does one thing goes to each daemon in one go. */
	#put(deed: Deed, router: string, prefixes: readonly Prefix[]): void {
		if (this.#batch.isEmpty) {
			this.#begin(async () => this.#send());
		}

		this.#batch.put(deed, router, prefixes);
	}

	/** Announcements come first: a host that moves is known somewhere at any moment. */
	async #send(): Promise<void> {
		const batch = this.#batch;
		this.#batch = new Batch();
		const tell = async (deed: Deed) => allOf(batch.of(deed).map(async ([router, prefixes]) => this.#routers.get(router)?.[deed](prefixes)));
		try {
			await tell('announce');
		} finally {
			await tell('withdraw');
		}
	}

	/** One after the other, in the order of the events; a failure is told to whoever waits for it, and is in the way of nothing that comes later. */
	#begin(work: () => Promise<void>): void {
		this.#last = this.#last.catch(() => undefined).then(work);
		this.#last.catch(() => undefined);
	}

	/** Starts the daemons that are missing, and tells all of them who their neighbors are now. @param options whether sessions that are new may never come about */
	async #reconfigure({isDoubtful} = {isDoubtful: false}): Promise<void> {
		if (this.#isDown) {
			return;
		}

		const {blueprint} = this.#edges;
		const plans = edgesOf(blueprint).filter(({name}) => this.#edges.agents.has(name));
		const sessions = this.#renewSessions(blueprint, isDoubtful);
		try {
			await allOf(plans.map(async plan => {
				const router = this.#routers.get(plan.name) ?? await this.#start(plan);
				await router.setNeighbors(neighborsOf(plan.name, sessions));
			}));
		} finally {
			this.#tellListeners();
		}
	}

	/** One that is established stays as it is while both routers have its addresses and there is a way between them: that another way to a neighbor came is no reason to break it. */
	#renewSessions(blueprint: Blueprint, isDoubtful: boolean): Session[] {
		const before = this.#sessions;
		const hasWay = this.#wayFinder();
		const isGood = (session: Session) => this.#isEstablished(session) && hasAddresses(blueprint, session) && hasWay(session);
		// A router that goes is in the blueprint until it has gone.
		const planned = sessionsOf(blueprint).filter(({ends}) => ends.every(({router}) => this.#edges.agents.has(router)));
		const sessions = planned.map(session => {
			const known = before.get(keyOf(session));
			return known && (isSame(known, session) || isGood(known)) ? known : session;
		});
		this.#sessions = new Map(sessions.map(session => [keyOf(session), session]));
		this.#awaited.add(sessions.filter(session => before.get(keyOf(session)) !== session), {isDoubtful});
		return sessions;
	}

	/** A session that it has not planned anew since. */
	#isCurrent(session: Session): boolean {
		return this.#sessions.get(keyOf(session)) === session;
	}

	#isEstablished({ends: [a, b]}: Session): boolean {
		return [[a, b], [b, a]].every(([own, other]) => own && other && this.#routers.get(own.router)?.hears(other.address) === true);
	}

	async #start(plan: EdgePlan): Promise<BgpRouter> {
		const {name} = plan;
		const router = new BgpRouter({
			name,
			namespace: this.#network.node(name).namespace,
			directory: join(this.#network.directory, 'bgp'),
			as: plan.options.bgp.as,
			routerId: routerIdOf(plan),
			agent: this.#edges.agent(name),
			down: error => {
				this.#edges.emit('router', {router: name, change: 'down', error});
				this.#fail(error);
			},
			up: () => {
				this.#edges.emit('router', {router: name, change: 'up'});
			},
			failed: error => {
				this.#fail(error);
			},
			changed: () => {
				this.#tellListeners();
			},
		});
		this.#routers.set(name, router);
		try {
			await router.start();
		} catch (error) {
			this.#routers.delete(name);
			throw error;
		}

		return router;
	}
}
