/** Whether edge routers get to each other by the addresses that a controller has them use: what a BGP session would show, a controller must look at. */
import {livePaths} from '../network/live-plan.ts';
import type {Network} from '../network/network.ts';
import type {Blueprint, InterfacePlan, NodePlan} from '../topology/blueprint.ts';
import {Paths} from '../topology/paths.ts';
import {type Segment, segmentsOf} from '../topology/segments.ts';
import {type Address, contains, formatAddress, networkOf} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';

/** Why packets do not get from one to the other; undefined where they do. */
type Trouble = string | undefined;

export class Ways {
	readonly #network: Network;
	readonly #failed: (error: SecureNetError) => void;
	#planned: Paths | undefined;
	/** As the kernels had it when this look began. */
	#live: Paths | undefined;
	/** The network that the answers are about. */
	#blueprint: Blueprint | undefined;
	#segments: ReadonlyMap<InterfacePlan, Segment> = new Map();
	/** By router: addresses on its own wires. */
	readonly #near = new Map<string, ReadonlySet<string>>();
	readonly #answers = new Map<string, Trouble>();
	/** What has been told of and is still so. */
	readonly #told = new Set<string>();
	#untold: string[] = [];

	constructor(network: Network, failed: (error: SecureNetError) => void) {
		this.#network = network;
		this.#failed = failed;
	}

	/** Looks once for each state of the network; what is looked at until `tell` is one look. @param address of the router that `to` names */
	look(from: NodePlan, to: string, address: Address): void {
		if (this.#blueprint !== this.#network.blueprint) {
			this.#blueprint = this.#network.blueprint;
			this.#planned = new Paths(this.#blueprint);
			this.#segments = segmentsOf(this.#blueprint);
			this.#answers.clear();
			this.#near.clear();
		}

		const way = `from ${from.name} to ${formatAddress(address)} of ${to}`;
		if (!this.#answers.has(way)) {
			this.#note(way, this.#troubleOf(from, address));
		}
	}

	/** Tells what has come to light. */
	tell(): void {
		const ways = this.#untold;
		this.#untold = [];
		this.#live = undefined;
		if (ways.length > 0) {
			this.#failed(new SecureNetError('no-way', `There is no way ${ways.join(', nor ')}. What is sent there for hosts is lost until there is one: give the routers between them routes, or join the two by a tunnel.`));
		}
	}

	#note(way: string, trouble: Trouble): void {
		this.#answers.set(way, trouble);
		if (trouble === undefined) {
			this.#told.delete(way);
		} else if (!this.#told.has(way)) {
			this.#told.add(way);
			this.#untold.push(`${way} (${trouble})`);
		}
	}

	/** As it is planned, or else as it is at the moment. Nothing is in the way on a wire that they share; a tunnel is no wire, as what carries it may be cut. */
	#troubleOf(from: NodePlan, address: Address): Trouble {
		if (this.#addressesNear(from).has(formatAddress(address)) || this.#planned?.from(from, address).broken === undefined) {
			return undefined;
		}

		this.#live ??= livePaths(this.#network);
		return this.#live.from(from, address).broken;
	}

	#addressesNear({name, interfaces}: NodePlan): ReadonlySet<string> {
		const near = this.#near.get(name) ?? new Set(interfaces.filter(({tunnel}) => !tunnel).flatMap(own => this.#addressesOn(own)));
		this.#near.set(name, near);
		return near;
	}

	/** Those that are in a subnet of the interface. */
	#addressesOn(own: InterfacePlan): string[] {
		const subnets = own.addresses.map(networkOf);
		const all = (this.#segments.get(own) ?? []).flatMap(({addresses}) => addresses.map(({address}) => address));
		return all.filter(address => subnets.some(subnet => contains(subnet, address))).map(formatAddress);
	}
}
