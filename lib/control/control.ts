/** A lab's edge routers and their control plane: what joins, leaves, comes and goes there, and when the others have heard of it. */
import type {Network} from '../network/network.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {edgesOf} from '../topology/bgp-sessions.ts';
import {InputError, messageOf} from '../util/errors.ts';
import {sortNames} from '../util/names.ts';
import type {Agent} from './agent.ts';
import {BgpControl} from './bgp.ts';
import type {ControlPlane, Join, Joining, Place} from './control-plane.ts';
import {Controller} from './controller.ts';
import {Edges, prefixesOf} from './edges.ts';

/** Milliseconds in which the others must have heard of it; 20 with BGP on an idle machine. */
const patience = 5000;

/** What a change came to. */
export type Spread = {
	/** Edge routers that had not heard of it within 5 s, such as one that is cut off, in natural order. */
	readonly unaware: readonly string[];
	/** Milliseconds until all others had. */
	readonly time: number;
};

/** Who hears what happens at the edges: a lab is one. */
type Listener = {emit(event: string, detail: unknown): boolean};

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
	@param listener is told of everything from the first joining on
	@throws as BgpControl.start, Edges.join
	*/
	static async start(network: Network, listener: Listener, signal?: AbortSignal): Promise<Control | undefined> {
		const {blueprint} = network;
		if (edgesOf(blueprint).length === 0) {
			return undefined;
		}

		const edges = new Edges(network);
		for (const event of ['join', 'leave', 'router', 'failure'] as const) {
			edges.on(event, (detail: unknown) => {
				tell(listener, event, detail);
			});
		}

		try {
			const control = new Control(edges, blueprint.settings.control === 'controller' ? new Controller(edges) : await BgpControl.start(network, edges, signal));
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
		return {joins, ...await this.#spread(begin, agent => joins.flatMap(prefixesOf).every(to => agent.knows(to)))};
	}

	/** @throws as Edges.leave; SecureNetError `gobgp` */
	async leave(hosts: readonly string[]): Promise<Spread & {readonly left: readonly Place[]}> {
		const begin = performance.now();
		const left = await this.edges.leave(hosts);
		return {left, ...await this.#spread(begin, agent => left.flatMap(prefixesOf).every(to => agent.hasForgotten(to)))};
	}

	/** Call when nodes have come. Edge routers among them are told everything, and the others of them, once their sessions are established. @throws SecureNetError `gobgp`, `interrupted` */
	async addRouters(nodes: readonly string[], signal?: AbortSignal): Promise<void> {
		const added = nodes.filter(name => this.edges.addRouter(name));
		if (added.length > 0) {
			await this.#plane.settled();
			await this.#plane.ready(added, signal);
		}
	}

	/**
	Call before nodes go; those that are no edge routers are none of its business.

	@returns who had to leave, and where from
	@throws as Edges.refuseRemoval, before anything happens
	*/
	async removeRouters(nodes: readonly string[], options: {readonly force: boolean}): Promise<readonly Place[]> {
		const routers = nodes.filter(name => this.edges.agents.has(name));
		this.edges.refuseRemoval(routers, new Set(nodes), options);
		const hosts = routers.flatMap(router => this.edges.hostsAt(router));
		const {left} = hosts.length > 0 ? await this.leave(hosts) : {left: []};
		for (const router of routers) {
			this.edges.removeRouter(router);
		}

		await this.#plane.settled();
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
		await this.#plane.down();
		this.edges.close();
	}

	/** Waits for events, and looks at the agents at each. */
	async #spread(begin: number, isAware: (agent: Agent) => boolean): Promise<Spread> {
		await this.#plane.settled();
		const unaware = () => [...this.edges.agents].filter(([, agent]) => !isAware(agent)).map(([name]) => name);
		let look: () => void = () => undefined;
		let timer: NodeJS.Timeout | undefined;
		await new Promise<void>(resolve => {
			look = () => {
				if (unaware().length === 0) {
					resolve();
				}
			};

			timer = setTimeout(resolve, patience);
			this.edges.on('routes', look);
			look();
		});
		clearTimeout(timer);
		this.edges.off('routes', look);
		return {unaware: sortNames(unaware()), time: performance.now() - begin};
	}
}

/** What is told has happened: a listener that throws cannot undo it, so it is only told of. */
function tell(listener: Listener, event: string, detail: unknown): void {
	try {
		listener.emit(event, detail);
	} catch (error) {
		process.emitWarning(error instanceof Error ? error : messageOf(error));
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
