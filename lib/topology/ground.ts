/** What the ways through one network have in common: who is on a wire with whom, how switches are linked, how each node routes. Looked up once. */
import {type Address, linkLocalAddress} from '../util/address.ts';
import type {Blueprint, InterfacePlan, NodePlan, TunnelPlan} from './blueprint.ts';
import type {Neighbor, Station} from './neighbor-question.ts';
import {RouteLookup} from './route-lookup.ts';
import type {InterfaceState, RoutingPlan} from './routing-plan.ts';
import {type Segment, segmentsOf} from './segments.ts';
import {isStation} from './specs.ts';

export class Ground {
	readonly #blueprint: Blueprint;
	readonly #routing: (node: NodePlan) => RoutingPlan;
	readonly #segments: ReadonlyMap<InterfacePlan, Segment>;
	/** Every end of a link to the end it meets. */
	readonly #peers: ReadonlyMap<InterfacePlan, InterfacePlan>;
	readonly #tunnels: ReadonlyMap<InterfacePlan, TunnelPlan>;
	readonly #stations = new Map<string, Station>();
	/** By address, those whose plan has it. */
	readonly #owners = new Map<string, NodePlan[]>();

	constructor(blueprint: Blueprint, routing: (node: NodePlan) => RoutingPlan) {
		this.#blueprint = blueprint;
		this.#routing = routing;
		this.#segments = segmentsOf(blueprint);
		this.#peers = new Map(blueprint.links.flatMap(({ends: [a, b]}) => [[a, b], [b, a]] as const));
		this.#tunnels = new Map(blueprint.tunnels.flatMap(tunnel => tunnel.ends.map(end => [end.interface, tunnel] as const)));
		for (const node of [...blueprint.nodes.values()].filter(isStation)) {
			for (const address of plannedAddresses(node)) {
				this.#owners.set(keyOf(address), [...this.#owners.get(keyOf(address)) ?? [], node]);
			}
		}
	}

	/** The node that should have an address, by the blueprint; else one that has it all the same. */
	ownerOf(address: Address): NodePlan | undefined {
		return this.#owners.get(keyOf(address))?.[0] ?? [...this.#blueprint.nodes.values()].find(node => isStation(node) && this.station(node).lookup.has(address));
	}

	/** Any kind of node, as it was when it was first asked for. */
	station(plan: NodePlan): Station {
		const station = this.#stations.get(plan.name) ?? {plan, lookup: new RouteLookup(this.#routing(plan))};
		this.#stations.set(plan.name, station);
		return station;
	}

	stateOf({node, name}: InterfacePlan): InterfaceState {
		const plan = this.#blueprint.nodes.get(node);
		return plan ? this.station(plan).lookup.routing.stateOf(name) : 'gone';
	}

	tunnelOf(by: InterfacePlan): TunnelPlan | undefined {
		return this.#tunnels.get(by);
	}

	/** Who hears what an interface sends; of those whose plan has an address, when one is given. */
	around(by: InterfacePlan, planned?: Address): Neighbor[] {
		const segment = this.#segments.get(by) ?? [];
		const heard = planned ? (this.#owners.get(keyOf(planned)) ?? []).flatMap(({interfaces}) => interfaces.filter(each => this.#segments.get(each) === segment)) : segment;
		return heard.flatMap(each => {
			const plan = each === by ? undefined : this.node(each);
			return plan && this.stateOf(each) === 'up' ? [{...this.station(plan), by: each}] : [];
		});
	}

	/** Breadth first over switches, if they are no ends of one tunnel. The interfaces by which a frame comes into each node, the taker's last; none where no link is up. */
	between(out: InterfacePlan, taker: InterfacePlan): InterfacePlan[] {
		if (out.tunnel) {
			return [taker];
		}

		const first = this.#beyond(out);
		const ways: InterfacePlan[][] = first ? [[first]] : [];
		const seen = new Set<string>();
		for (let way = ways.shift(); way; way = ways.shift()) {
			const here = way.at(-1);
			if (here === taker) {
				return way;
			}

			const node = this.node(here);
			if (node && !isStation(node) && !seen.has(node.name)) {
				seen.add(node.name);
				ways.push(...node.interfaces.flatMap(each => {
					const next = each === here ? undefined : this.#beyond(each);
					return next ? [[...way, next]] : [];
				}));
			}
		}

		return [];
	}

	node(by: InterfacePlan | undefined): NodePlan | undefined {
		return by && this.#blueprint.nodes.get(by.node);
	}

	/** The other end of a link that carries something. */
	#beyond(by: InterfacePlan): InterfacePlan | undefined {
		const peer = this.#peers.get(by);
		return peer && this.stateOf(by) === 'up' && this.stateOf(peer) === 'up' ? peer : undefined;
	}
}

function plannedAddresses({interfaces, ipv6}: NodePlan): Address[] {
	return interfaces.flatMap(({addresses, mac}) => [...addresses.map(({address}) => address), ...ipv6 ? [linkLocalAddress(mac)] : []]);
}

function keyOf({family, value}: Address): string {
	return `${family} ${value}`;
}
