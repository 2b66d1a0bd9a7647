/** Who is at which edge router: links hosts to them, gives the router its route to the host, and tells whoever listens. */
import {EventEmitter} from 'node:events';
import type {Interface} from '../link/interface.ts';
import type {Network} from '../network/network.ts';
import {answerForRoutes} from '../node/proxy-ndp.ts';
import {isEdge} from '../topology/bgp-sessions.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {type Mac, type Prefix, prefixOf} from '../util/address.ts';
import {InputError, type SecureNetError} from '../util/errors.ts';
import {sortNames, unknownName} from '../util/names.ts';
import {type Attachment, attachmentOf, edgeInterfaces, linksFor} from './access.ts';
import {Agent} from './agent.ts';
import {type Claim, announce} from './announcement.ts';
import type {EdgeEvents, Join, Joining, Place} from './control-plane.ts';
import {noAddress, refuseJoinings} from './refusals.ts';

type Events = EdgeEvents & {/** Some router's routes changed. */ readonly routes: []; readonly failure: [SecureNetError]};

export class Edges extends EventEmitter<Events> {
	readonly #network: Network;
	readonly #agents = new Map<string, Agent>();
	readonly #places = new Map<string, Place>();
	/** Hosts whose link to the router was made by their joining, and goes with their leaving; one that was there before stays. */
	readonly #linked = new Set<string>();
	/** Hosts that are losing their link because they join another router. */
	readonly #moving = new Set<string>();
	/** Changes wait for each other. */
	#last: Promise<unknown> = Promise.resolve();

	constructor(network: Network) {
		super();
		this.#network = network;
		for (const node of network.blueprint.nodes.values()) {
			if (isEdge(node)) {
				this.#startAgent(node.name);
			}
		}

		network.on('link', ({node, change}) => {
			if (change === 'removed') {
				this.#lose(node);
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

	/** @throws InputError `unknown-edge-router` */
	agent(router: string): Agent {
		const agent = this.#agents.get(router);
		if (!agent) {
			throw unknownName('edge router', router, this.#agents.keys());
		}

		return agent;
	}

	/**
	Hosts come to edge routers, or move there from where they are: they are linked to the router, or to the switch at its side, unless they are already, and get a route there.

	@returns where they are, in the order given
	@throws InputError `wrong-kind`, `unknown-edge-router`, `already-joined`, `address-taken`, `no-address`; as Network.add, KernelError. Who moved is then nowhere, all else is as before
	*/
	async join(joinings: readonly Joining[]): Promise<Join[]> {
		return this.#turn(async () => {
			refuseJoinings(this, joinings);
			const moving = joinings.flatMap(({host}) => this.#places.get(host) ?? []);
			await this.#link(joinings, moving);
			const claims = new Map<Interface, Claim[]>();
			const joins = joinings.map(({host, router}) => this.#settle(host, router, moving.find(place => place.host === host), claims));
			for (const [port, some] of claims) {
				announce(port, some);
			}

			return joins;
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

			await this.#unlink(hosts.filter(host => this.#linked.has(host)));
			return leaving;
		});
	}

	/** Call when the node is there. Returns whether it is an edge router. */
	addRouter(router: string): boolean {
		const isNew = isEdge(this.blueprint.nodes.get(router)) && !this.#agents.has(router);
		if (isNew) {
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

	/** Call before the node goes, when its hosts have left it. */
	removeRouter(router: string): void {
		this.agent(router).close();
		this.#agents.delete(router);
		this.emit('router', {router, change: 'removed'});
	}

	/** In natural order. */
	hostsAt(router: string): string[] {
		return sortNames([...this.#places.values()].filter(place => place.router === router).map(({host}) => host));
	}

	close(): void {
		for (const agent of this.#agents.values()) {
			agent.close();
		}
	}

	/** Who has no link to the router yet loses those to other ones first: its addresses go along. */
	async #link(joinings: readonly Joining[], moving: readonly Place[]): Promise<void> {
		const missing = joinings.filter(({host, router}) => !attachmentOf(this.blueprint, host, router));
		if (missing.length === 0) {
			return;
		}

		try {
			for (const {host} of missing) {
				this.#moving.add(host);
			}

			await this.#unlink(missing.map(({host}) => host));
			await this.#network.add({links: missing.map(({host, router}) => linksFor(this.blueprint, host, router))});
		} catch (error) {
			for (const place of moving) {
				this.#forget(place);
				this.emit('leave', place);
			}

			throw error;
		} finally {
			this.#moving.clear();
		}

		for (const {host} of missing) {
			this.#linked.add(host);
		}
	}

	async #unlink(hosts: readonly string[]): Promise<void> {
		const ends = hosts.flatMap(host => edgeInterfaces(this.blueprint, host));
		const links = this.#network.links.filter(link => link.ends.some(end => ends.some(({node, name}) => node === end.node && name === end.name)));
		if (links.length > 0) {
			await this.#network.remove({links});
		}

		for (const host of hosts) {
			this.#linked.delete(host);
		}
	}

	#settle(host: string, router: string, before: Place | undefined, claims: Map<Interface, Claim[]>): Join {
		const attachment = attachmentOf(this.blueprint, host, router);
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
		this.#claim(attachment, before, claims);
		const join = {...place, ...before ? {from: before.router} : {}};
		this.emit('join', join);
		return join;
	}

	#forget(place: Place): void {
		this.#places.delete(place.host);
		this.#agents.get(place.router)?.detach(prefixesOf(place));
	}

	/** Who is on the LAN that the host came to is to hear its own MAC; who is on the one that it left is to hear the router's, which now answers for it. */
	#claim({own, port, addresses, shared}: Attachment, before: Place | undefined, claims: Map<Interface, Claim[]>): void {
		const add = (to: Interface, mac: Mac) => {
			claims.set(to, [...claims.get(to) ?? [], ...addresses.map(address => ({address, mac}))]);
		};

		if (shared) {
			add(this.#interface(port), own.mac);
		}

		const old = before && this.#network.nodes.get(before.router);
		const oldPort = old?.interfaces.find(({name}) => name === before?.interface);
		if (oldPort && old?.plan.kind === 'router' && old.plan.options.proxyArp === true) {
			add(oldPort, oldPort.mac);
		}
	}

	#interface({node, name}: {readonly node: string; readonly name: string}): Interface {
		const found = this.#network.node(node).interfaces.find(each => each.name === name);
		if (!found) {
			throw new TypeError(`${node} has no interface ${name}.`);
		}

		return found;
	}

	/** Somebody took away the link by which a host was here: it is no longer. */
	#lose(host: string): void {
		const place = this.#places.get(host);
		if (place && !this.#moving.has(host) && !attachmentOf(this.blueprint, host, place.router)) {
			this.#forget(place);
			this.emit('leave', place);
		}
	}

	#placeOf(host: string): Place {
		const place = this.#places.get(this.#network.node(host).name);
		if (!place) {
			throw new InputError('not-joined', `${host} is at no edge router. At one are: ${sortNames(this.#places.keys()).join(', ') || 'none'}.`);
		}

		return place;
	}

	#startAgent(router: string): void {
		const node = this.#network.node(router);
		this.#agents.set(router, new Agent(node, {
			changed: families => {
				if (families.has(6)) {
					answerForRoutes(node);
				}

				this.emit('routes');
			},
			failed: error => this.emit('failure', error),
		}));
	}

	async #turn<Result>(work: () => Promise<Result>): Promise<Result> {
		const turn = this.#last.then(work);
		this.#last = turn.catch(() => undefined);
		return turn;
	}
}

/** The routes to a host: of its addresses alone. */
export function prefixesOf({addresses}: Pick<Place, 'addresses'>): Prefix[] {
	return addresses.map(prefixOf);
}
