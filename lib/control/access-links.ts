/** The links by which hosts get to edge routers: one that a joining made goes with the leaving, any other one stays. Who moves takes its addresses along, so the link that had them goes, whoever made it. */
import type {Network} from '../network/network.ts';
import type {InterfacePlan, LinkPlan} from '../topology/blueprint.ts';
import {linkOf} from '../topology/grow.ts';
import {segmentsOf} from '../topology/segments.ts';
import {type Segments, attachmentOf, edgeInterfaces, linksFor} from './access.ts';
import type {Joining} from './control-plane.ts';

export class AccessLinks {
	readonly #network: Network;
	/** By host, the interface of the link that was made here. Somebody else may have taken it away: one that comes then is another one. */
	readonly #made = new Map<string, InterfacePlan>();
	/** By host, the interface by which it came to a router last. It stays with the host when what is behind it leads to no router any more. */
	readonly #last = new Map<string, InterfacePlan>();
	/** Hosts that are losing their link because they join another router. */
	readonly #moving = new Set<string>();
	/** Links of somebody's own that the last making took away. */
	#lost: readonly LinkPlan[] = [];

	constructor(network: Network) {
		this.#network = network;
	}

	isMoving(host: string): boolean {
		return this.#moving.has(host);
	}

	/**
	Links those that are not linked to their router yet. They lose the link by which they came to another one first: its addresses go along.

	@returns the hosts that have a new link
	@throws as Network.remove, Network.add; call `takeBack` then
	*/
	async make(joinings: readonly Joining[]): Promise<string[]> {
		const {blueprint} = this.#network;
		const segments = segmentsOf(blueprint);
		const missing = joinings.filter(({host, router}) => !attachmentOf(blueprint, host, router, segments));
		const hosts = missing.map(({host}) => host);
		const left = new Map(hosts.map(host => [host, this.#leftBehind(host, segments)]));
		const lost = linksOf(blueprint.links, [...left].flatMap(([host, plans]) => plans.filter(plan => plan !== this.#made.get(host))));
		this.#lost = [];
		try {
			for (const host of hosts) {
				this.#moving.add(host);
			}

			await this.#unlink(left);
			this.#lost = lost;
			if (missing.length > 0) {
				await this.#network.add({links: linksFor(this.#network.blueprint, missing, host => left.get(host)?.at(0))});
			}
		} finally {
			this.#moving.clear();
		}

		this.#note(joinings, new Set(hosts));
		return hosts;
	}

	/** Removes what the last making made for them, and adds what it took away, unless that had been made by a joining too. @throws as Network.remove, Network.add */
	async takeBack(hosts: readonly string[]): Promise<void> {
		await this.take(hosts);
		const lost = this.#lost;
		this.#lost = [];
		if (lost.length > 0) {
			await this.#network.add({links: lost.map(linkOf)});
		}
	}

	/** Removes what was made for them. @throws as Network.remove */
	async take(hosts: readonly string[]): Promise<void> {
		const made = hosts.map(host => [host, this.#stillThere(host, [this.#made.get(host)])] as const);
		await this.#unlink(new Map(made.filter(([, own]) => own.length > 0)));
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

	/** What a host loses when it moves, first the interface whose addresses go along: the one by which it came last, else the one by which it could have come. */
	#leftBehind(host: string, segments: Segments): InterfacePlan[] {
		const known = this.#stillThere(host, [this.#last.get(host), this.#made.get(host)]);
		return known.length > 0 ? known : edgeInterfaces(this.#network.blueprint, host, segments).filter(({addresses}) => addresses.length > 0).slice(0, 1);
	}

	#stillThere(host: string, plans: ReadonlyArray<InterfacePlan | undefined>): InterfacePlan[] {
		const own = this.#network.blueprint.nodes.get(host)?.interfaces ?? [];
		return [...new Set(plans)].filter(plan => plan !== undefined).filter(plan => own.includes(plan));
	}

	/** @param going by host, interfaces of it */
	async #unlink(going: ReadonlyMap<string, readonly InterfacePlan[]>): Promise<void> {
		const keyOf = ({node, name}: {readonly node: string; readonly name: string}) => `${node} ${name}`;
		const ends = new Set([...going.values()].flat().map(keyOf));
		const links = ends.size === 0 ? [] : this.#network.links.filter(link => link.ends.some(end => ends.has(keyOf(end))));
		if (links.length > 0) {
			await this.#network.remove({links});
		}

		for (const host of going.keys()) {
			this.#made.delete(host);
			this.#last.delete(host);
		}
	}
}

function linksOf(links: readonly LinkPlan[], interfaces: readonly InterfacePlan[]): LinkPlan[] {
	const ends = new Set(interfaces);
	return links.filter(link => link.ends.some(end => ends.has(end)));
}
