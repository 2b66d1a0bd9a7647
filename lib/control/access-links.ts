/** The links by which hosts get to edge routers: those that a joining made go with the leaving, those that were there before stay. */
import type {Network} from '../network/network.ts';
import type {InterfacePlan} from '../topology/blueprint.ts';
import {segmentsOf} from '../topology/segments.ts';
import {attachmentOf, edgeInterfaces, linksFor} from './access.ts';
import type {Joining} from './control-plane.ts';

export class AccessLinks {
	readonly #network: Network;
	/** By host, the interface of the link that was made here. Somebody else may have taken it away: one that comes then is another one. */
	readonly #made = new Map<string, InterfacePlan>();
	/** By host, the interface by which it came to a router last. It stays with the host when what is behind it leads to no router any more. */
	readonly #last = new Map<string, InterfacePlan>();
	/** Hosts that are losing their link because they join another router. */
	readonly #moving = new Set<string>();

	constructor(network: Network) {
		this.#network = network;
	}

	isMoving(host: string): boolean {
		return this.#moving.has(host);
	}

	/**
	Links those that are not linked to their router yet. They lose their links to other ones first: their addresses go along.

	@returns the hosts that have a new link
	@throws as Network.remove, Network.add
	*/
	async make(joinings: readonly Joining[]): Promise<string[]> {
		const {blueprint} = this.#network;
		const missing = joinings.filter(({host, router}) => !attachmentOf(blueprint, host, router));
		const hosts = missing.map(({host}) => host);
		try {
			for (const host of hosts) {
				this.#moving.add(host);
			}

			await this.#unlink(hosts);
			if (missing.length > 0) {
				await this.#network.add({links: missing.map(({host, router}) => linksFor(this.#network.blueprint, host, router))});
			}
		} finally {
			this.#moving.clear();
		}

		this.#note(joinings, new Set(hosts));
		return hosts;
	}

	/** Removes what was made for them. @throws as Network.remove */
	async take(hosts: readonly string[]): Promise<void> {
		const {nodes} = this.#network.blueprint;
		await this.#unlink(hosts.filter(host => nodes.get(host)?.interfaces.some(each => each === this.#made.get(host))));
	}

	#note(joinings: readonly Joining[], linked: ReadonlySet<string>): void {
		const {blueprint} = this.#network;
		const segments = segmentsOf(blueprint);
		for (const {host, router} of joinings) {
			const own = attachmentOf(blueprint, host, router, segments)?.own;
			if (own) {
				this.#last.set(host, own);
				if (linked.has(host)) {
					this.#made.set(host, own);
				}
			}
		}
	}

	async #unlink(hosts: readonly string[]): Promise<void> {
		const ends = hosts.flatMap(host => [...edgeInterfaces(this.#network.blueprint, host), ...this.#stillThere(host)]);
		const links = this.#network.links.filter(link => link.ends.some(end => ends.some(({node, name}) => node === end.node && name === end.name)));
		if (links.length > 0) {
			await this.#network.remove({links});
		}

		for (const host of hosts) {
			this.#made.delete(host);
			this.#last.delete(host);
		}
	}

	#stillThere(host: string): InterfacePlan[] {
		return this.#network.blueprint.nodes.get(host)?.interfaces.filter(each => each === this.#last.get(host)) ?? [];
	}
}
