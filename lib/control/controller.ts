/** The control plane with a center: this process hears who is where and programs all edge routers itself. */
import type {Network} from '../network/network.ts';
import type {NeighborState} from '../services/gobgp-neighbor.ts';
import type {BgpPath} from '../services/gobgp-path.ts';
import {addressFinder, edgesOf} from '../topology/bgp-sessions.ts';
import {type Address, type Prefix, formatAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Learned} from './agent.ts';
import {type ControlPlane, type Place, prefixesOf} from './control-plane.ts';
import type {Edges} from './edges.ts';
import {Ways} from './ways.ts';

export class Controller implements ControlPlane {
	readonly kind = 'controller';
	readonly #edges: Edges;
	/** By which addresses the routers know each other. */
	#known: string;
	readonly #ways: Ways;

	constructor(network: Network, edges: Edges) {
		this.#edges = edges;
		this.#known = this.#look();
		this.#ways = new Ways(network, error => {
			edges.emit('failure', error);
		});
		edges.on('join', join => {
			this.#tell(join.before, join);
		});
		edges.on('leave', place => {
			this.#tell(place, undefined);
		});
		edges.on('router', ({router, change}) => {
			if (change === 'added') {
				this.#teach([router]);
			}
		});
		edges.on('wires', () => {
			this.#follow();
		});
	}

	/** What it is told of it has done when the telling is over. */
	async settled(): Promise<void> {
		await Promise.resolve();
	}

	/** There is nothing that it would have to wait for. */
	async ready(): Promise<void> {
		await Promise.resolve();
	}

	async neighbors(): Promise<NeighborState[]> {
		return Promise.reject(new InputError('no-bgp', 'This lab has a controller, so its edge routers have no BGP neighbors. "bgp routes" shows what the controller has them do.'));
	}

	async rib(router: string): Promise<BgpPath[]> {
		const own = [...this.#edges.places.values()].filter(place => place.router === router).flatMap(prefixesOf).map(to => ({to, nextHop: {family: to.family, value: 0n}}));
		return Promise.resolve([...own, ...this.#edges.agent(router).learned].map(each => ({...each, asPath: [], best: true})));
	}

	async down(): Promise<void> {
		await Promise.resolve();
	}

	/** @param before where a host was @param now where it is, by other addresses perhaps */
	#tell(before: Place | undefined, now: Place | undefined): void {
		const addresses = addressFinder(this.#edges.blueprint);
		const left = before ? prefixesOf(before).map(to => ({to})) : [];
		for (const [router, agent] of this.#edges.agents) {
			// Of a prefix the last word counts.
			agent.learn([...left, ...now ? prefixesOf(now).map(to => this.#wayFrom(router, to, now.router, addresses)) : []]);
		}

		this.#ways.tell();
	}

	/** Routers that know each other by other addresses than before learn everything anew. */
	#follow(): void {
		const known = this.#look();
		if (known !== this.#known) {
			this.#known = known;
			this.#teach(this.#edges.agents.keys());
		}
	}

	#look(): string {
		const {blueprint} = this.#edges;
		const addresses = addressFinder(blueprint);
		const edges = edgesOf(blueprint);
		return edges.flatMap(a => edges.map(b => ([4, 6] as const).map(family => (a === b ? [] : addresses(a, b, family) ?? []).map(formatAddress).join(' ')))).join(', ');
	}

	/** They learn of everybody. */
	#teach(routers: Iterable<string>): void {
		const addresses = addressFinder(this.#edges.blueprint);
		for (const router of routers) {
			this.#edges.agent(router).learn([...this.#edges.places.values()].flatMap(place => prefixesOf(place).map(to => this.#wayFrom(router, to, place.router, addresses))));
		}

		this.#ways.tell();
	}

	#wayFrom(router: string, to: Prefix, target: string, addresses: ReturnType<typeof addressFinder>): Learned {
		return {to, nextHop: router === target ? undefined : this.#addressOf(target, {from: router, family: to.family}, addresses)};
	}

	#addressOf(router: string, {from, family}: {readonly from: string; readonly family: 4 | 6}, addresses: ReturnType<typeof addressFinder>): Address | undefined {
		const {nodes} = this.#edges.blueprint;
		const [here, there] = [nodes.get(from), nodes.get(router)];
		const address = here && there && addresses(here, there, family)?.[1];
		if (address) {
			this.#ways.look(here, router, address);
		}

		return address;
	}
}
