/** The ways of packets through a network, as its blueprint has it, or as the kernels in it have it at the moment. */
import {type Address, isLinkLocal} from '../util/address.ts';
import type {Blueprint, NodePlan, TunnelEndPlan, TunnelPlan} from './blueprint.ts';
import {Ground} from './ground.ts';
import {type RoutingPlan, routingPlan} from './routing-plan.ts';
import {isStation} from './specs.ts';
import {cutAtTunnel} from './underlay.ts';
import {type Path, walk} from './walk.ts';

export type {DeathReason, Hop, Path} from './walk.ts';

/** How each node routes. */
export type RoutingOf = (node: NodePlan) => RoutingPlan;

/** Answers questions about the ways of one network; what they have in common is looked up once. */
export class Paths {
	readonly #ground: Ground;

	/** @param routing how a node routes; asked once of each node that a way meets. Default: as the blueprint has it */
	constructor(blueprint: Blueprint, routing: RoutingOf = routingPlan) {
		this.#ground = new Ground(blueprint, routing);
	}

	/** The node that has an address; link-local ones are given to every interface from its MAC. */
	ownerOf(address: Address): NodePlan | undefined {
		return this.#ground.ownerOf(address);
	}

	/** Source and destination of packets from one node to another: IPv4 where both have it, even without a way by it, else IPv6; undefined when they have no family in common, or no way. */
	endsOf(from: NodePlan, to: NodePlan): {readonly source: Address; readonly destination: Address} | undefined {
		const family = [from, to].every(node => addressesOf(node).some(address => address.family === 4)) ? 4 : 6;
		for (const destination of addressesOf(to).filter(address => address.family === family)) {
			const source = this.sourceFor(from, destination);
			if (source) {
				return {source, destination};
			}
		}

		return undefined;
	}

	/** The address from which a node sends to another one: what its route says, else one of the interface it leaves by, else any. */
	sourceFor(node: NodePlan, destination: Address): Address | undefined {
		return isStation(node) ? this.#ground.station(node).lookup.sourceFor(destination) : undefined;
	}

	/**
	The way from a node to an address, by routes from station to station, and by the fewest links around a segment's switches; over tunnels as far as what carries them gets.

	@param source of the packet; default: what the node chooses
	*/
	from(start: NodePlan, destination: Address, source: Address | undefined = this.sourceFor(start, destination)): Path {
		return cutAtTunnel(this.#ground, walk(this.#ground, start, {source, destination}));
	}

	/** The way of a tunnel's own packets from one of its ends to another one. */
	beneath(tunnel: TunnelPlan, start: NodePlan, own: TunnelEndPlan, other: TunnelEndPlan): Path {
		return cutAtTunnel(this.#ground, walk(this.#ground, start, {source: own.endpoint, destination: other.endpoint}), [tunnel]);
	}
}

function addressesOf({interfaces}: NodePlan): Address[] {
	return interfaces.flatMap(({addresses}) => addresses.map(({address}) => address)).filter(address => !isLinkLocal(address));
}
