/** Static routes of a topology that asks for them: from every router to every subnet, by the fewest routers, in linear time for each subnet. */
import {type Address, type Family, type Prefix, contains, formatPrefix, isLinkLocal, linkLocalAddress, networkOf, prefixOf, sameAddress} from '../util/address.ts';
import type {InterfacePlan, NextHopPlan, NodePlan, RoutePlan, TunnelPlan} from './blueprint.ts';
import {forwards, isDefault} from './routes.ts';
import type {Segment} from './segments.ts';

export type Network = {
	readonly nodes: ReadonlyMap<string, NodePlan>;
	readonly segments: ReadonlyMap<InterfacePlan, Segment>;
	readonly tunnels: readonly TunnelPlan[];
};

/**
The routes of each router, and of each host that stands between several routers and has no gateway, to all subnets of hosts, links and tunnels. Given routes win: nothing is
added for what they cover, the default route aside. Of ways with equally many routers the one by a node's first interface is taken, then the one to the router that
the file names first; links go before tunnels. A subnet on several segments gets routes for single addresses, for hosts that a router stands between.

The next hop is an address of the neighbour in a common subnet. Where there is none, of IPv6 it is its link-local one, of IPv4 any other of its addresses, which Linux answers for
on every interface; over a tunnel of layer 3 it is nobody. A router without any IPv4 address thus can pass nothing on to other routers, and no way leads through it.
*/
export function staticRoutes(network: Network): Map<string, RoutePlan[]> {
	const routes = new Map([...network.nodes.keys()].map(name => [name, [] as RoutePlan[]]));
	for (const family of [4, 6] as const) {
		const ground = new RoutingGround(network, family);
		for (const destination of destinationsOf(network, family)) {
			ground.waysTo(destination, ({plan}, hop) => {
				if (!isGiven(plan, destination.to)) {
					routes.get(plan.name)?.push({to: destination.to, ...hop});
				}
			});
		}
	}

	return routes;
}

function isGiven({routes}: NodePlan, to: Prefix): boolean {
	return routes.some(route => route.table === undefined && route.to.length > 0 && route.to.length <= to.length && contains(route.to, to));
}

type Destination = {
	readonly to: Prefix;
	readonly segment: Segment;
	/** How many tunnels of the file, from the first on, may lead to it, at first and where they do not suffice: not one that it carries, and others only where there is no link. */
	readonly tunnels: readonly number[];
};

function destinationsOf({segments, tunnels}: Network, family: Family): Destination[] {
	const subnets = new Map<string, {readonly to: Prefix; readonly addresses: Map<Segment, Address[]>}>();
	for (const [{addresses}, segment] of segments) {
		for (const own of addresses.filter(({address}) => address.family === family && !isLinkLocal(address))) {
			const to = networkOf(own);
			const subnet = subnets.get(formatPrefix(to)) ?? {to, addresses: new Map<Segment, Address[]>()};
			subnets.set(formatPrefix(to), subnet);
			subnet.addresses.set(segment, [...subnet.addresses.get(segment) ?? [], own.address]);
		}
	}

	return [...subnets.values()].flatMap(({to, addresses}) => [...addresses].flatMap(([segment, own]) => (addresses.size > 1 ? own.map(prefixOf) : [to]).map(each => ({to: each, segment, tunnels: tunnelsTo(each, tunnels)}))));
}

function tunnelsTo(subnet: Prefix, tunnels: readonly TunnelPlan[]): number[] {
	const first = tunnels.findIndex(({ends}) => ends.some(({endpoint}) => contains(subnet, endpoint)));
	return first === -1 ? [tunnels.length] : [0, first];
}

type Way = Omit<NextHopPlan, 'weight'>;
type Port = {
	readonly by: InterfacePlan;
	readonly segment: Segment;
	/** Place of its tunnel among all; -1 on links. */
	readonly tunnel: number;
	/** Who can send to the station by this port. */
	neighbors: readonly Neighbor[];
};
type Station = {readonly plan: NodePlan; /** Among all. */ readonly place: number; readonly passesOn: boolean; readonly ports: readonly Port[]};
/** By which of its ports it sends, and to whom. */
type Neighbor = {readonly station: Station; readonly port: number; readonly hop: Way};

/** For who is in the subnet. */
const here: Way = {};

/** Those that get routes, and who of them is on a wire with whom. */
class RoutingGround {
	readonly #family: Family;
	readonly #members = new Map<Segment, Array<{readonly station: Station; readonly port: number}>>();
	/** By place: whether a way is known, the best one of a round, and the neighbour's place. Made once, because a thousand subnets need them. */
	readonly #isReached: Uint8Array;
	readonly #best: Array<Neighbor | undefined>;
	readonly #from: Uint32Array;

	constructor({nodes, segments, tunnels}: Network, family: Family) {
		this.#family = family;
		const places = new Map(tunnels.flatMap(({ends}, place) => ends.map(end => [end.interface, place] as const)));
		const stations = [...nodes.values()].filter(plan => isServed(plan, family, {nodes, segments})).map((plan, place): Station => ({
			plan, place,
			passesOn: forwards(plan, family),
			ports: plan.interfaces.flatMap(by => {
				const segment = segments.get(by);
				return segment ? [{by, segment, tunnel: places.get(by) ?? -1, neighbors: []}] : [];
			}),
		}));
		this.#isReached = new Uint8Array(stations.length);
		this.#best = new Array<Neighbor | undefined>(stations.length).fill(undefined);
		this.#from = new Uint32Array(stations.length);
		for (const station of stations) {
			for (const [port, {segment}] of station.ports.entries()) {
				const members = this.#members.get(segment) ?? [];
				this.#members.set(segment, members);
				members.push({station, port});
			}
		}

		for (const station of stations) {
			for (const port of station.ports) {
				port.neighbors = this.#neighbors(station, port);
			}
		}
	}

	/** Tells the next hop of everybody who needs one, nearest first. Each round goes one router further. */
	waysTo(destination: Destination, tell: (station: Station, way: Way) => void): void {
		const reached: Station[] = [];
		this.#isReached.fill(0);
		for (const {station, port} of this.#members.get(destination.segment) ?? []) {
			const direct = this.#isReached[station.place] === 1 ? undefined : this.#direct(station, port, destination);
			if (direct) {
				this.#isReached[station.place] = 1;
				reached.push(station);
			}

			if (direct && direct !== here) {
				tell(station, direct);
			}
		}

		for (const tunnels of destination.tunnels) {
			for (let edge = [...reached]; edge.length > 0;) {
				edge = this.#propose(edge, tunnels);
				reached.push(...edge);
				for (const station of edge) {
					this.#isReached[station.place] = 1;
					tell(station, this.#best[station.place]?.hop ?? here);
				}
			}
		}
	}

	/** Who is one router further. The best way of each is in `#best`. */
	#propose(edge: readonly Station[], tunnels: number): Station[] {
		const found: Station[] = [];
		this.#best.fill(undefined);
		for (const {ports, place: from} of edge.filter(({passesOn}) => passesOn)) {
			for (const {neighbors} of ports.filter(({tunnel}) => tunnel < tunnels)) {
				for (const neighbor of neighbors) {
					const {station, port} = neighbor;
					const before = this.#best[station.place];
					if (this.#isReached[station.place] === 0 && (!before || port < before.port || (port === before.port && from < (this.#from[station.place] ?? 0)))) {
						this.#best[station.place] = neighbor;
						this.#from[station.place] = from;
						if (!before) {
							found.push(station);
						}
					}
				}
			}
		}

		return found;
	}

	/** Nothing is needed by who has an address in the subnet; a router without any address on the wire asks there all the same. */
	#direct({plan, ports}: Station, port: number, {to, segment}: Destination): Way | undefined {
		const own = ports.filter(each => each.segment === segment).flatMap(({by}) => by.addresses).filter(({address}) => address.family === this.#family);
		if (own.some(each => contains(networkOf(each), to))) {
			return here;
		}

		const name = ports[port]?.by.name;
		return plan.kind === 'router' && own.length === 0 && name !== undefined ? {interface: name} : undefined;
	}

	#neighbors(from: Station, {segment, by}: Port): Neighbor[] {
		return (this.#members.get(segment) ?? []).flatMap(({station, port}): Neighbor[] => {
			const own = station === from ? undefined : station.ports[port]?.by;
			const hop = own && hopBetween(own, by, from.ports, this.#family);
			return hop ? [{station, port, hop}] : [];
		});
	}
}

/** Routers; hosts that would have to choose between several. */
function isServed(plan: NodePlan, family: Family, {nodes, segments}: Pick<Network, 'nodes' | 'segments'>): boolean {
	if (plan.kind !== 'host') {
		return plan.kind === 'router' && (family === 4 || plan.ipv6);
	}

	const isDecided = plan.options.gateway === 'none' || plan.routes.some(route => isDefault(route) && route.to.family === family);
	const subnets = plan.interfaces.flatMap(by => by.addresses.filter(({address}) => address.family === family).map(each => ({subnet: networkOf(each), around: segments.get(by) ?? []})));
	const routers = new Set(isDecided ? [] : subnets.flatMap(({subnet, around}) => around.filter(({node, addresses}) => nodes.get(node)?.kind === 'router' && addresses.some(({address}) => contains(subnet, address))).map(({node}) => node)));
	return routers.size > 1;
}

/** @param ports of the neighbour, all of them */
function hopBetween(own: InterfacePlan, other: InterfacePlan, ports: readonly Port[], family: Family): Way | undefined {
	const ofFamily = ({addresses}: InterfacePlan) => addresses.filter(({address}) => address.family === family && !isLinkLocal(address));
	const common = ofFamily(other).find(({address}) => ofFamily(own).some(each => contains(networkOf(each), address) && !sameAddress(each.address, address)));
	if (common) {
		return {via: common.address, interface: own.name};
	}

	if (own.tunnel === 'layer3') {
		return {interface: own.name};
	}

	if (family === 6) {
		return {via: linkLocalAddress(other.mac), interface: own.name};
	}

	const [any] = [...ofFamily(other), ...ports.flatMap(({by}) => ofFamily(by))];
	return any && {via: any.address, interface: own.name, onlink: true};
}
