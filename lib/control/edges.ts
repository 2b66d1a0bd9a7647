/** Who is at which edge router: links hosts to them, gives the router its route to the host, and tells whoever listens. */
import {EventEmitter} from 'node:events';
import type {Interface} from '../link/interface.ts';
import type {Network} from '../network/network.ts';
import {Undo} from '../network/undo.ts';
import {answerForRoutes} from '../node/proxy-ndp.ts';
import {isEdge} from '../topology/bgp-sessions.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {segmentsOf} from '../topology/segments.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import {sortNames, unknownName} from '../util/names.ts';
import {type Attachment, type Segments, attachmentOf} from './access.ts';
import {AccessLinks} from './access-links.ts';
import {Agent} from './agent.ts';
import {type Claim, announce} from './announcement.ts';
import {claimsOf} from './claims.ts';
import {type EdgeEvents, type Join, type Joining, type Place, prefixesOf} from './control-plane.ts';
import {noAddress, refuseJoinings} from './refusals.ts';

type Events = EdgeEvents & {
	/** Some router's routes changed. */
	readonly routes: [];
	/** Links or tunnels came or went: routers may hear others than before. */
	readonly wires: ['added' | 'removed'];
	readonly failure: [SecureNetError];
};

/** A host that has come to its router, of which nobody knows yet. */
type Settled = {readonly join: Join; readonly attachment: Attachment; readonly before: Place | undefined};

export class Edges extends EventEmitter<Events> {
	readonly #network: Network;
	readonly #agents = new Map<string, Agent>();
	readonly #places = new Map<string, Place>();
	readonly #links: AccessLinks;
	/** As of the last look at what links and tunnels that came or went have changed: they are told of for each of their ends. */
	#seen: Blueprint | undefined;
	#isClosed = false;
	/** Changes wait for each other. */
	#last: Promise<unknown> = Promise.resolve();

	constructor(network: Network) {
		super();
		// Every join that is under way listens until all have heard of it.
		this.setMaxListeners(0);
		this.#network = network;
		this.#links = new AccessLinks(network);
		for (const node of network.blueprint.nodes.values()) {
			if (isEdge(node)) {
				this.#startAgent(node.name);
			}
		}

		network.on('link', ({change}) => {
			if (change !== undefined && this.#seen !== this.blueprint) {
				this.#seen = this.blueprint;
				if (change === 'removed') {
					this.#lose();
				}

				this.emit('wires', change);
			}
		});
	}

	get blueprint(): Blueprint {
		return this.#network.blueprint;
	}

	/** By host. */
	get places(): ReadonlyMap<string, Place> {
		return this.#places;
	}

	get agents(): ReadonlyMap<string, Agent> {
		return this.#agents;
	}

	/** @throws InputError `unknown-edge-router`; SecureNetError `namespace-gone` */
	agent(router: string): Agent {
		this.#refuseClosed();
		const agent = this.#agents.get(router);
		if (!agent) {
			throw unknownName('edge router', router, this.#agents.keys());
		}

		return agent;
	}

	/**
	Hosts come to edge routers, or move there from where they are: they are linked to the router, or to the switch at its side, unless they are already, and get a route there.

	@returns where they are, in the order given
	@throws InputError `wrong-kind`, `unknown-edge-router`, `already-joined`, `joins-twice`, `address-taken`, `no-address`; as Network.add, KernelError. Who moved is then nowhere, all else is as before, or the error says what is not
	*/
	async join(joinings: readonly Joining[]): Promise<Join[]> {
		return this.#turn(async () => {
			refuseJoinings(this, joinings);
			const moving = joinings.flatMap(({host}) => this.#places.get(host) ?? []);
			const settled: Settled[] = [];
			let linked: readonly string[] = [];
			try {
				linked = await this.#links.make(joinings);
				const segments = segmentsOf(this.blueprint);
				for (const {host, router} of joinings) {
					settled.push(this.#settle({host, router}, segments, moving.find(place => place.host === host)));
				}
			} catch (error) {
				const undo = new Undo();
				undo.add(async () => this.#takeBack(settled, moving, linked));
				throw await undo.after(error);
			}

			this.#tell(settled);
			return settled.map(({join}) => join);
		});
	}

	/** @throws InputError `not-joined` */
	async leave(hosts: readonly string[]): Promise<Place[]> {
		return this.#turn(async () => {
			const leaving = hosts.map(host => this.#placeOf(host));
			for (const place of leaving) {
				this.#forget(place);
				this.emit('leave', place);
			}

			await this.#links.take(hosts);
			return leaving;
		});
	}

	/** Call when the node is there. Returns whether it is an edge router. @throws SecureNetError `namespace-gone` */
	addRouter(router: string): boolean {
		const isNew = isEdge(this.blueprint.nodes.get(router)) && !this.#agents.has(router);
		if (isNew) {
			this.#refuseClosed();
			this.#startAgent(router);
			this.emit('router', {router, change: 'added'});
		}

		return isNew;
	}

	/** @param going hosts that go with the routers @throws InputError `router-in-use` naming the hosts that would be left */
	refuseRemoval(routers: readonly string[], going: ReadonlySet<string>, {force}: {readonly force: boolean}): void {
		for (const router of routers) {
			const hosts = this.hostsAt(router).filter(host => !going.has(host));
			if (hosts.length > 0 && !force) {
				throw new InputError('router-in-use', `${router} cannot be removed: ${hosts.join(', ')} ${hosts.length === 1 ? 'is' : 'are'} there. Let them leave or join another router first, or add --force.`);
			}
		}
	}

	/** Call before the node goes, when its hosts have left it. One that has no agent, as its lab goes down, is fine. */
	removeRouter(router: string): void {
		this.#agents.get(router)?.close();
		if (this.#agents.delete(router)) {
			this.emit('router', {router, change: 'removed'});
		}
	}

	/** In natural order. */
	hostsAt(router: string): string[] {
		return sortNames([...this.#places.values()].filter(place => place.router === router).map(({host}) => host));
	}

	/** Routers have no agents after this, and get none, so who waits until they know something waits no longer. Twice is fine. */
	close(): void {
		this.#isClosed = true;
		for (const agent of this.#agents.values()) {
			agent.close();
		}

		this.#agents.clear();
		this.emit('routes');
	}

	/** Nobody has been told of a joining yet. Who moved is nowhere. */
	async #takeBack(settled: readonly Settled[], moving: readonly Place[], linked: readonly string[]): Promise<void> {
		for (const {host} of [...settled.map(({join}) => join), ...moving]) {
			const place = this.#places.get(host);
			if (place) {
				this.#forget(place);
			}
		}

		for (const place of moving) {
			this.emit('leave', place);
		}

		await this.#links.takeBack(linked);
	}

	#settle({host, router}: Joining, segments: Segments, before: Place | undefined): Settled {
		const attachment = attachmentOf(this.blueprint, host, router, segments);
		if (!attachment || attachment.addresses.length === 0) {
			throw noAddress(host, router);
		}

		const {port, addresses} = attachment;
		const place = {host, router, interface: port.name, addresses};
		if (before) {
			this.#forget(before);
		}

		this.agent(router).attach(prefixesOf(place), this.#interface(port).index);
		this.#places.set(host, place);
		return {join: {...place, ...before ? {from: before.router, before} : {}}, attachment, before};
	}

	#tell(settled: readonly Settled[]): void {
		const claims = new Map<Interface, Claim[]>();
		for (const {join, attachment, before} of settled) {
			for (const [port, some] of claimsOf(this.#network, attachment, before)) {
				claims.set(port, [...claims.get(port) ?? [], ...some]);
			}

			this.emit('join', join);
		}

		for (const [port, some] of claims) {
			announce(port, some);
		}
	}

	#forget(place: Place): void {
		this.#places.delete(place.host);
		this.#agents.get(place.router)?.detach(prefixesOf(place));
	}

	#interface({node, name}: {readonly node: string; readonly name: string}): Interface {
		const found = this.#network.node(node).interfaces.find(each => each.name === name);
		if (!found) {
			throw new TypeError(`${node} has no interface ${name}.`);
		}

		return found;
	}

	/** Somebody took away a link or tunnel, a host's own or its router's: who was here by it is no longer. */
	#lose(): void {
		const segments = segmentsOf(this.blueprint);
		for (const place of [...this.#places.values()]) {
			if (!this.#links.isMoving(place.host) && !attachmentOf(this.blueprint, place.host, place.router, segments)) {
				this.#forget(place);
				this.emit('leave', place);
			}
		}
	}

	#placeOf(host: string): Place {
		const place = this.#places.get(this.#network.node(host).name);
		if (!place) {
			throw new InputError('not-joined', `${host} is at no edge router. At one are: ${sortNames(this.#places.keys()).join(', ') || 'none'}.`);
		}

		return place;
	}

	#refuseClosed(): void {
		if (this.#isClosed) {
			throw new SecureNetError('namespace-gone', `Lab ${this.#network.name} has been taken down.`);
		}
	}

	#startAgent(router: string): void {
		const node = this.#network.node(router);
		this.#agents.set(router, new Agent(node, {
			changed: families => {
				try {
					if (families.has(6)) {
						answerForRoutes(node);
					}
				} finally {
					this.emit('routes');
				}
			},
			failed: error => this.emit('failure', error),
		}));
	}

	async #turn<Result>(work: () => Promise<Result>): Promise<Result> {
		const turn = this.#last.then(async () => {
			this.#refuseClosed();
			return work();
		});
		this.#last = turn.catch(() => undefined);
		return turn;
	}
}
