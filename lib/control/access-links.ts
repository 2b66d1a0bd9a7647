/** The links by which hosts get to edge routers: those that a joining made go with the leaving, those that were there before stay. */
import type {Network} from '../network/network.ts';
import {attachmentOf, edgeInterfaces, linksFor} from './access.ts';
import type {Joining} from './control-plane.ts';

export class AccessLinks {
	readonly #network: Network;
	/** Hosts whose link to the router was made here. */
	readonly #made = new Set<string>();
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

		for (const host of hosts) {
			this.#made.add(host);
		}

		return hosts;
	}

	/** Removes what was made for them. @throws as Network.remove */
	async take(hosts: readonly string[]): Promise<void> {
		await this.#unlink(hosts.filter(host => this.#made.has(host)));
	}

	/** Somebody else took the link away: one that comes now is not ours. */
	forget(host: string): void {
		this.#made.delete(host);
	}

	async #unlink(hosts: readonly string[]): Promise<void> {
		const ends = hosts.flatMap(host => edgeInterfaces(this.#network.blueprint, host));
		const links = this.#network.links.filter(link => link.ends.some(end => ends.some(({node, name}) => node === end.node && name === end.name)));
		if (links.length > 0) {
			await this.#network.remove({links});
		}

		for (const host of hosts) {
			this.#made.delete(host);
		}
	}
}
