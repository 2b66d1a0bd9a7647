/** A lab's edge routers and their control plane: what joins, leaves, comes and goes there, and when the others have heard of it. */
import type {Network} from '../network/network.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {edgesOf, hearing} from '../topology/bgp-sessions.ts';
import type {Prefix} from '../util/address.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import {sortNames} from '../util/names.ts';
import type {Tell} from '../util/teller.ts';
import type {Agent} from './agent.ts';
import {BgpControl} from './bgp.ts';
import {type ControlPlane, type Join, type Joining, type Place, prefixesOf} from './control-plane.ts';
import {Controller} from './controller.ts';
import {Edges} from './edges.ts';
import {until} from './until.ts';

/** Milliseconds in which the others must have heard of it; 20 with BGP on an idle machine. */
const patience = 5000;

/** What a change came to. */
export type Spread = {
	/** Edge routers that had not heard of it within 5 s, such as one that is cut off, in natural order. */
	readonly unaware: readonly string[];
	/** Milliseconds until all others had. */
	readonly time: number;
};

export class Control {
	readonly edges: Edges;
	readonly #plane: ControlPlane;

	private constructor(edges: Edges, plane: ControlPlane) {
		this.edges = edges;
		this.#plane = plane;
	}

	/**
	Starts the control plane that the topology says, and has the hosts join that say where.

	@returns undefined when the lab has no edge routers
	@param tell is told of everything from the first joining on, and of sessions that do not come
	@throws as BgpControl.start, Edges.join
	*/
	static async start(network: Network, tell: Tell, signal?: AbortSignal): Promise<Control | undefined> {
		const {blueprint} = network;
		if (edgesOf(blueprint).length === 0) {
			return undefined;
		}

		const edges = new Edges(network);
		for (const event of ['join', 'leave', 'router', 'failure'] as const) {
			edges.on(event, (detail: unknown) => {
				tell(event, detail);
			});
		}

		try {
			const control = new Control(edges, blueprint.settings.control === 'controller' ? new Controller(network, edges) : await BgpControl.start(network, edges, signal));
			await control.#joinFirst(firstJoinings(blueprint));
			return control;
		} catch (error) {
			edges.close();
			throw error;
		}
	}

	async #joinFirst(joinings: readonly Joining[]): Promise<void> {
		try {
			await this.join(joinings);
		} catch (error) {
			await this.#plane.down();
			throw error;
		}
	}

	/** The part that a lab chooses. */
	get plane(): ControlPlane {
		return this.#plane;
	}

	/** @throws as Edges.join; SecureNetError `gobgp` */
	async join(joinings: readonly Joining[]): Promise<Spread & {readonly joins: readonly Join[]}> {
		const begin = performance.now();
		const joins = await this.edges.join(joinings);
		const hears = hearing(this.edges.blueprint);
		const knows = (agent: Agent, {router, from = router}: Join, to: Prefix) => agent.knows(to, from === router ? 0 : begin);
		const waits = (agent: Agent, name: string) => joins.some(join => prefixesOf(join).some(to => !knows(agent, join, to) && hears(join.router, name, to.family)));
		return {joins, ...await this.#spread(begin, agent => joins.every(join => prefixesOf(join).every(to => knows(agent, join, to))), waits)};
	}

	/** @throws as Edges.leave; SecureNetError `gobgp` */
	async leave(hosts: readonly string[]): Promise<Spread & {readonly left: readonly Place[]}> {
		const begin = performance.now();
		const left = await this.edges.leave(hosts);
		return {left, ...await this.#forgotten(left, begin)};
	}

	/**
	Call when nodes have come. Edge routers among them are told everything, and the others of them, once their sessions are established; one that does not know all places within 5 s is told of as a failure.

	@throws SecureNetError `gobgp`, `interrupted`
	*/
	async addRouters(nodes: readonly string[], signal?: AbortSignal): Promise<void> {
		const added = nodes.filter(name => this.edges.addRouter(name));
		if (added.length > 0) {
			await this.ready(signal);
			await this.#learnt(new Set(added), signal);
		}
	}

	/** Call when something has come by which edge routers may hear each other. @throws as addRouters */
	async ready(signal?: AbortSignal): Promise<void> {
		await this.#plane.settled();
		await this.#plane.ready(signal);
	}

	/**
	Call before nodes go; those that are no edge routers are none of its business. What others refuse to hear of it is told as a failure: no reason to stay.

	@returns who had to leave, and where from
	@throws as Edges.refuseRemoval, before anything happens; as Edges.leave
	*/
	async removeRouters(nodes: readonly string[], options: {readonly force: boolean}): Promise<readonly Place[]> {
		const routers = nodes.filter(name => this.edges.agents.has(name));
		if (routers.length === 0) {
			return [];
		}

		this.edges.refuseRemoval(routers, new Set(nodes), options);
		const hosts = routers.flatMap(router => this.edges.hostsAt(router));
		const left = hosts.length > 0 ? await this.edges.leave(hosts) : [];
		await this.#unhindered(async () => this.#forgotten(left, performance.now()));
		for (const router of routers) {
			this.edges.removeRouter(router);
		}

		await this.#unhindered(async () => this.#plane.settled());
		return left;
	}

	/** Call when nodes stay although they were to go. @param left what `removeRouters` returned @throws as addRouters, join */
	async takeBack(nodes: readonly string[], left: readonly Place[]): Promise<void> {
		await this.addRouters(nodes);
		const back = left.filter(({host, router}) => this.edges.agents.has(router) && this.edges.blueprint.nodes.has(host));
		if (back.length > 0) {
			await this.join(back);
		}
	}

	/** Twice is fine. */
	async down(): Promise<void> {
		try {
			await this.#plane.down();
		} finally {
			this.edges.close();
		}
	}

	/** What fails is told. */
	async #unhindered(work: () => Promise<unknown>): Promise<void> {
		try {
			await work();
		} catch (error) {
			this.edges.emit('failure', error as SecureNetError);
		}
	}

	async #forgotten(left: readonly Place[], begin: number): Promise<Spread> {
		const isAware = (agent: Agent) => left.flatMap(prefixesOf).every(to => agent.hasForgotten(to));
		return this.#spread(begin, isAware, agent => !isAware(agent));
	}

	/** Waits until those that are new know everybody whom they can hear of. */
	async #learnt(added: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<void> {
		const hears = hearing(this.edges.blueprint);
		const missing = () => [...added].flatMap(name => {
			const hosts = this.#unknownTo(name, hears);
			return hosts.length > 0 ? [`${name} does not know the way to ${hosts.join(', ')}`] : [];
		});
		await this.#until(() => missing().length === 0, signal);
		if (signal?.aborted) {
			throw new SecureNetError('interrupted', 'Interrupted while waiting for routes to hosts.');
		}

		if (missing().length > 0) {
			this.edges.emit('failure', new SecureNetError('routes', `Within ${patience / 1000} s: ${missing().join('; ')}. "bgp routes" shows what each edge router knows, path where packets die.`));
		}
	}

	/** Hosts that an edge router can hear of and has no route to, in natural order. */
	#unknownTo(router: string, hears: ReturnType<typeof hearing>): string[] {
		const agent = this.edges.agents.get(router);
		const isUnknown = (place: Place) => prefixesOf(place).some(to => agent?.knows(to) === false && hears(place.router, router, to.family));
		return sortNames([...this.edges.places.values()].filter(isUnknown).map(({host}) => host));
	}

	/** Waits for events, and looks at the agents at each. @param waits whether an agent may hear more; one that has no session of a family never hears of its addresses */
	async #spread(begin: number, isAware: (agent: Agent) => boolean, waits: (agent: Agent, router: string) => boolean): Promise<Spread> {
		await this.#plane.settled();
		await this.#until(() => ![...this.edges.agents].some(([name, agent]) => waits(agent, name)));
		const unaware = [...this.edges.agents].filter(([, agent]) => !isAware(agent)).map(([name]) => name);
		return {unaware: sortNames(unaware), time: performance.now() - begin};
	}

	/** Looks whenever routes change. */
	async #until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
		await until(isSo, {limit: patience, signal, watch: look => {
			this.edges.on('routes', look);
			return () => this.edges.off('routes', look);
		}});
	}
}

function firstJoinings({nodes}: Blueprint): Joining[] {
	return [...nodes.values()].flatMap(node => node.kind === 'host' && node.options.joins !== undefined ? [{host: node.name, router: node.options.joins}] : []);
}

/** @throws InputError `no-edges` */
export function requireControl(control: Control | undefined): Control {
	if (!control) {
		throw new InputError('no-edges', 'This lab has no edge routers. Give routers the option bgp: addRouter(\'edge1\', {bgp: {as: 65000}}).');
	}

	return control;
}
