/** What the kernel forgets of an interface that goes down, held until it is up again. */
import {addAddress} from '../kernel/address.ts';
import {carrierOf} from '../kernel/carrier.ts';
import {addNeighbor, listNeighbors} from '../kernel/neighbor.ts';
import {type InstalledRoute, addRoute, listRoutes, routeProtocols} from '../kernel/route.ts';
import {Rtnetlink, RtnetlinkError} from '../kernel/rtnetlink.ts';
import type {Interface} from '../link/interface.ts';
import type {NeighborPlan, RoutePlan} from '../topology/blueprint.ts';
import {type Address, contains, networkOf, sameAddress} from '../util/address.ts';
import {defaultMetric} from '../topology/route-text.ts';
import {nextHopsOf} from '../topology/routes.ts';
import type {Configurable} from './configurable.ts';
import {indexOf} from './names.ts';
import {fits, isPlanned, kernelRoute, routePlan} from './routes.ts';

/** Routes that whoever made them makes again: the kernel with an address, it on a router's word (RTPROT_REDIRECT, RTPROT_RA), a control plane. */
const notHeld: readonly number[] = [routeProtocols.kernel, 1, 9, routeProtocols.bgp];

type HeldRoute = {readonly plan: RoutePlan; readonly protocol: number};

/**
The kernel is asked just before an interface goes down, so that what a line or a program has added since the start comes back too, and what
one has taken away does not. For an interface that somebody else has set down, what the topology says is put back.
*/
export class Held {
	readonly #node: Configurable;
	/** Names of the interfaces that were asked about. */
	readonly #down = new Set<string>();
	/** What waits for its interfaces. */
	#routes: HeldRoute[] = [];
	#neighbors: NeighborPlan[] = [];
	/** What a line has taken away of what the topology says. */
	#withdrawn: RoutePlan[] = [];

	constructor(node: Configurable) {
		this.#node = node;
	}

	/** Call before the interface goes down. */
	remember({name, index}: Pick<Interface, 'name' | 'index'>): void {
		const {namespace} = this.#node;
		if (carrierOf(namespace, name) === 'down') {
			return;
		}

		this.#down.add(name);
		this.#routes.push(...listRoutes(namespace, {table: 'all'}).filter(route => leavesBy(route, index) && !notHeld.includes(route.protocol)).map(route => ({plan: routePlan(this.#node, route), protocol: route.protocol})));
		this.#neighbors.push(...listNeighbors(namespace).flatMap(({address, mac, state, interface: by}) => by === index && mac !== undefined && state === 'permanent' ? [{address, mac, interface: name}] : []));
	}

	/** Call when the interface is up. What is there already is kept. @throws KernelError */
	restore(end: Interface): void {
		if (!this.#down.delete(end.name)) {
			const planned = this.#node.plan.routes.filter(route => plannedBy(route, end) && !this.#withdrawn.includes(route));
			this.#routes.push(...planned.map(plan => ({plan, protocol: routeProtocols.static})));
			this.#neighbors.push(...this.#node.plan.neighbors.filter(each => each.interface === end.name));
		}

		this.#addAddresses(end);
		this.#routes = this.#addBack(this.#routes);
		this.#neighbors = this.#addNeighbors(this.#neighbors);
	}

	/** Routes that the plan has from now on. @throws KernelError */
	install(routes: readonly RoutePlan[]): void {
		this.#routes = this.#addBack([...this.#routes, ...routes.map(plan => ({plan, protocol: routeProtocols.static}))]);
	}

	/** What waits for interfaces that are gone, or is one of these routes, waits no longer. */
	forget(interfaces: readonly string[], routes: readonly RoutePlan[]): void {
		const isGone = (name: string | undefined) => name !== undefined && interfaces.includes(name);
		for (const name of interfaces) {
			this.#down.delete(name);
		}

		this.#routes = this.#routes.filter(({plan, protocol}) => !nextHopsOf(plan).some(hop => isGone(hop.interface)) && !(protocol === routeProtocols.static && routes.some(planned => isPlanned(plan, planned))));
		this.#neighbors = this.#neighbors.filter(each => !isGone(each.interface));
	}

	/** A route was added. */
	added(route: RoutePlan): void {
		this.#withdrawn = this.#withdrawn.filter(each => !fits(each, placeOf(route)));
	}

	/** A route was taken away, or is not to come back; whether one had been waiting. */
	deleted(wanted: RoutePlan): boolean {
		const waiting = this.#routes.filter(({plan}) => fits(plan, wanted));
		this.#routes = this.#routes.filter(route => !waiting.includes(route));
		this.#withdrawn.push(...this.#node.plan.routes.filter(route => fits(route, placeOf(wanted))));
		return waiting.length > 0;
	}

	/** Whether a neighbour had been waiting. */
	neighborDeleted(wanted: Pick<NeighborPlan, 'address' | 'interface'>): boolean {
		const left = this.#neighbors.filter(({address, interface: name}) => name !== wanted.interface || !sameAddress(address, wanted.address));
		const found = left.length < this.#neighbors.length;
		this.#neighbors = left;
		return found;
	}

	#addAddresses(end: Interface): void {
		using rtnetlink = new Rtnetlink(this.#node.namespace);
		for (const address of end.addresses) {
			addAddress(rtnetlink, end, address);
		}

		rtnetlink.flushExcept('EEXIST');
	}

	/** Routes rest on each other, so what was refused is tried again once others are there. Returns those that wait for another interface; an interface that somebody has deleted took its own along. */
	#addBack(routes: readonly HeldRoute[]): HeldRoute[] {
		let left = this.#withoutGone(routes);
		for (;;) {
			const refused = left.flatMap(route => {
				const error = this.#refusal(route);
				return error ? [{route, error}] : [];
			});
			if (refused.length === 0 || refused.length === left.length) {
				const lost = refused.find(({route}) => !this.#waits(route.plan));
				if (lost) {
					this.#routes = [];
					throw lost.error;
				}

				return refused.map(({route}) => route);
			}

			left = refused.map(({route}) => route);
		}
	}

	#refusal({plan, protocol}: HeldRoute): RtnetlinkError | undefined {
		using rtnetlink = new Rtnetlink(this.#node.namespace);
		addRoute(rtnetlink, {...kernelRoute(this.#node, plan), protocol});
		try {
			rtnetlink.flushExcept('EEXIST');
			return undefined;
		} catch (error) {
			if (error instanceof RtnetlinkError) {
				return error;
			}

			throw error;
		}
	}

	#waits(route: RoutePlan): boolean {
		const {interfaces, namespace} = this.#node;
		const names = nextHopsOf(route).flatMap(({via, interface: name}) => name ?? interfaces.filter(end => via && reaches(end, via)).map(end => end.name));
		return names.some(name => carrierOf(namespace, name) === 'down');
	}

	#withoutGone(routes: readonly HeldRoute[]): readonly HeldRoute[] {
		const names = new Set(routes.flatMap(({plan}) => nextHopsOf(plan).flatMap(hop => hop.interface ?? [])));
		const gone = new Set([...names].filter(name => carrierOf(this.#node.namespace, name) === 'gone'));
		return routes.filter(({plan}) => !nextHopsOf(plan).some(hop => hop.interface !== undefined && gone.has(hop.interface)));
	}

	#addNeighbors(neighbors: readonly NeighborPlan[]): NeighborPlan[] {
		const states = new Map(neighbors.map(({interface: name}) => [name, carrierOf(this.#node.namespace, name)]));
		const waiting = neighbors.filter(each => states.get(each.interface) === 'down');
		using rtnetlink = new Rtnetlink(this.#node.namespace);
		for (const {address, mac, interface: name} of neighbors.filter(each => !['down', 'gone'].includes(states.get(each.interface) ?? 'gone'))) {
			addNeighbor(rtnetlink, indexOf(this.#node, name), address, mac);
		}

		rtnetlink.flush();
		return waiting;
	}
}

/** Of routes that agree in this the kernel has one. */
function placeOf({to, table, metric = defaultMetric(to)}: RoutePlan): RoutePlan {
	return {to, metric, ...table === undefined ? {} : {table}};
}

function leavesBy(route: InstalledRoute, index: number): boolean {
	return (route.nextHops ?? [route]).some(hop => hop.interface === index);
}

function plannedBy(route: RoutePlan, end: Interface): boolean {
	return nextHopsOf(route).some(({via, interface: name}) => name === end.name || (via !== undefined && reaches(end, via)));
}

function reaches({addresses}: Interface, via: Address): boolean {
	return addresses.some(address => contains(networkOf(address), via));
}
