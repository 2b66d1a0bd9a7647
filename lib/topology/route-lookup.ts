/** How a kernel finds the way of a packet: rules choose tables, the longest prefix wins, then the lowest metric. See ip-rule(8), ip-route(8). */
import {type Address, type Family, type InterfaceAddress, contains, isLinkLocal, networkOf, sameAddress} from '../util/address.ts';
import type {NextHopPlan, RoutePlan} from './blueprint.ts';
import {defaultMetric, mainTable} from './route-text.ts';
import {nextHopsOf} from './routes.ts';
import type {Flow, InterfaceRouting, KnownNeighbor, LookupRule, RoutingPlan} from './routing-plan.ts';
import type {Refusal} from './routing-options.ts';

/** Where a packet leaves. */
export type Egress = {
	/** Name of an interface. */
	readonly interface: string;
	/** Whom to ask for: the next router, or the destination itself. */
	readonly next: Address;
	/** The address that the route gives the node's own packets. */
	readonly source?: Address;
};

/** A way out, a refusal, or nothing. */
export type Decision = Egress | {readonly refusal: Refusal} | undefined;

export class RouteLookup {
	readonly routing: RoutingPlan;
	readonly #interfaces: ReadonlyMap<string, InterfaceRouting>;
	/** By table and family, best ones first. */
	readonly #tables = new Map<string, RoutePlan[]>();
	/** By interface and address. */
	readonly #neighbors: ReadonlyMap<string, KnownNeighbor>;

	constructor(routing: RoutingPlan) {
		this.routing = routing;
		this.#interfaces = new Map(routing.interfaces.map(each => [each.name, each]));
		this.#neighbors = new Map(routing.neighbors.map(each => [neighborKey(each.interface, each.address), each]));
		for (const route of routing.routes) {
			const key = tableKey(route.table ?? mainTable, route.to.family);
			const table = this.#tables.get(key) ?? [];
			this.#tables.set(key, table);
			table.push(route);
		}

		for (const table of this.#tables.values()) {
			table.sort((a, b) => b.to.length - a.to.length || metricOf(a) - metricOf(b));
		}
	}

	interface(name: string): InterfaceRouting | undefined {
		return this.#interfaces.get(name);
	}

	/** What it takes for the MAC of an address without asking. */
	neighbor(name: string, address: Address): KnownNeighbor | undefined {
		return this.#neighbors.get(neighborKey(name, address));
	}

	has(address: Address): boolean {
		return this.routing.addresses.some(own => sameAddress(own, address));
	}

	decide(flow: Flow): Decision {
		for (const rule of this.routing.rules) {
			const found = fits(rule, flow) ? this.#ask(rule, flow) : undefined;
			if (found) {
				return found;
			}
		}

		return undefined;
	}

	/** The address from which the node sends to another one. */
	sourceFor(to: Address): Address | undefined {
		const decision = this.decide({to, arrival: 'lo'});
		return decision && 'interface' in decision ? decision.source ?? this.nearest(decision.interface, decision.next) : undefined;
	}

	/** The own address to speak to a neighbour from: one of its subnet, else one of the interface, else one of another interface. */
	nearest(name: string, neighbor: Address): Address | undefined {
		const ofFamily = (each: InterfaceRouting | undefined) => (each?.addresses ?? []).filter(({address}) => address.family === neighbor.family && !isLinkLocal(address));
		const own = ofFamily(this.#interfaces.get(name));
		const [found] = [...own.filter(isAround(neighbor)), ...own, ...this.routing.interfaces.flatMap(ofFamily)];
		return found?.address;
	}

	/** Whether the reverse path filter of the interface lets a packet of the source in. @param leaves by which it would go on; `lo` where it ends here */
	takesFrom(by: InterfaceRouting, {from, to}: Flow, leaves: string): boolean {
		if (by.rpFilter === 'off' || !from || from.family === 6) {
			return true;
		}

		const back = this.#backTo({to: from, from: to, arrival: leaves});
		if (back.some(hop => hop.interface === by.name)) {
			return true;
		}

		// On an interface without any address loose is as strict as strict: __fib_validate_source.
		return by.rpFilter === 'loose' && back.length > 0 && by.addresses.some(({address}) => address.family === 4);
	}

	/** All ways to a sender: any of them will do. */
	#backTo(flow: Flow): Array<{readonly interface?: string | undefined}> {
		for (const rule of this.routing.rules) {
			if (fits(rule, flow)) {
				const route = this.#routeIn(rule, flow);
				if (rule.type ?? route) {
					return route && route.type === undefined ? nextHopsOf(route).map(hop => ({interface: this.#leavesBy(hop)})) : [];
				}
			}
		}

		return [];
	}

	#routeIn({table, suppress = -1}: LookupRule, {to}: Flow): RoutePlan | undefined {
		const found = table === undefined ? undefined : this.#tables.get(tableKey(table, to.family))?.find(route => contains(route.to, to) && (route.type !== undefined || nextHopsOf(route).some(hop => this.#leavesBy(hop) !== undefined)));
		return found && found.to.length > suppress ? found : undefined;
	}

	#ask(rule: LookupRule, flow: Flow): Decision {
		if (rule.type) {
			return {refusal: rule.type};
		}

		const route = this.#routeIn(rule, flow);
		if (!route) {
			return undefined;
		}

		if (route.type) {
			return {refusal: route.type};
		}

		const hops = nextHopsOf(route);
		const hop = hops[hops.length > 1 ? this.routing.chosenHop?.(flow, route) ?? 0 : 0];
		const name = hop && this.#leavesBy(hop);
		return name === undefined ? undefined : {interface: name, next: hop?.via ?? flow.to, ...route.source ? {source: route.source} : {}};
	}

	/** A route by address alone leaves by the interface in whose subnet the address is. */
	#leavesBy({via, interface: name}: NextHopPlan): string | undefined {
		return name ?? (via && this.routing.interfaces.find(({addresses}) => addresses.some(isAround(via)))?.name);
	}
}

function isAround(neighbor: Address): (own: InterfaceAddress) => boolean {
	return own => contains(networkOf(own), neighbor);
}

function neighborKey(name: string, {family, value}: Address): string {
	return `${name} ${family} ${value}`;
}

function tableKey(table: number, family: Family): string {
	return `${table} ${family}`;
}

function metricOf({to, metric = defaultMetric(to)}: RoutePlan): number {
	return metric;
}

function fits(rule: LookupRule, flow: Flow): boolean {
	return rule.family === flow.to.family && selects(rule, flow) !== (rule.isInverted === true);
}

/** A packet's mark is a firewall's doing; without one it is 0. What else rules tell packets by (TOS, protocol, ports, user) an ordinary packet does not have, as `ip route get` sees it. */
function selects({from, to, interface: name, mark, others}: LookupRule, flow: Flow): boolean {
	return others === undefined
		&& (from === undefined || from.length === 0 || (flow.from !== undefined && contains(from, flow.from)))
		&& (to === undefined || contains(to, flow.to))
		&& (name === undefined || name === flow.arrival)
		&& (mark === undefined || (mark.value & mark.mask) === 0);
}
