/** The way of a packet through a network as its blueprint has it: the nodes it meets, the ports it comes in by, and the MACs it then bears. */
import type {Blueprint, InterfacePlan, NodePlan} from '../topology/blueprint.ts';
import {type Segment, segmentsOf} from '../topology/segments.ts';
import {isStation} from '../topology/specs.ts';
import {type Address, type Mac, contains, formatAddress, isLinkLocal, linkLocalAddress, networkOf, sameAddress} from '../util/address.ts';

export type Hop = {
	readonly node: NodePlan;
	/** The interface a frame comes in by, and its addresses; undefined where the path begins. */
	readonly arrival?: {readonly by: InterfacePlan; readonly source: Mac; readonly destination: Mac};
};

export type Path = {
	readonly hops: readonly Hop[];
	/** Why it ends before the destination; undefined when it gets there. */
	readonly broken?: string;
};

/** More routers than this are a loop (the usual TTL, RFC 1700). */
const mostRouters = 64;

/** Answers questions about the ways of one network; what they have in common is looked up once. */
export class Paths {
	readonly #blueprint: Blueprint;
	readonly #segments: ReadonlyMap<InterfacePlan, Segment>;
	/** Every end of a link to the end it meets. */
	readonly #peers: ReadonlyMap<InterfacePlan, InterfacePlan>;

	constructor(blueprint: Blueprint) {
		this.#blueprint = blueprint;
		this.#segments = segmentsOf(blueprint.nodes, blueprint.links);
		this.#peers = new Map(blueprint.links.flatMap(({ends: [a, b]}) => [[a, b], [b, a]] as const));
	}

	/** The node that has an address; link-local ones are given to every interface from its MAC. */
	ownerOf(address: Address): NodePlan | undefined {
		return [...this.#blueprint.nodes.values()].find(node => has(node, address));
	}

	/** Source and destination of packets from one node to another: IPv4 where both have it, else IPv6; undefined when they have no family in common, or no way. */
	endsOf(from: NodePlan, to: NodePlan): {readonly source: Address; readonly destination: Address} | undefined {
		const targets = addressesOf(to).toSorted((a, b) => a.family - b.family);
		for (const destination of targets) {
			const source = this.sourceFor(from, destination);
			if (source) {
				return {source, destination};
			}
		}

		return undefined;
	}

	/** The address from which a node sends to another one: the first of the interface it leaves by. */
	sourceFor(node: NodePlan, destination: Address): Address | undefined {
		return egressOf(node, destination)?.by.addresses.find(({address}) => address.family === destination.family && !isLinkLocal(address))?.address;
	}

	/** The way from a node to an address, by routes from station to station, and by the fewest links around a segment's switches. */
	from(start: NodePlan, destination: Address): Path {
		const hops: Hop[] = [{node: start}];
		for (let node = start, routers = 0; !has(node, destination); routers++) {
			const broken = routers === mostRouters ? `${mostRouters} routers pass it on in a circle` : refusalOf(node, node === start);
			const step = broken ?? this.#stepFrom(node, destination);
			if (typeof step === 'string') {
				return {hops, broken: step};
			}

			hops.push(...step);
			node = step.at(-1)?.node ?? node;
		}

		return {hops};
	}

	/** Over one segment, to the station that takes the packet; a text says why there is none. */
	#stepFrom(node: NodePlan, destination: Address): Hop[] | string {
		const egress = egressOf(node, destination);
		if (!egress) {
			return `${node.name} has no route to ${formatAddress(destination)}`;
		}

		const taker = this.#takerOf(egress, destination);
		return taker ? this.#around(egress.by, taker) : `nobody around ${egress.by.name} has the address ${formatAddress(egress.next)}`;
	}

	/** Who answers for the next hop's address: its owner, else a router that answers in its place. */
	#takerOf({by, next}: Egress, destination: Address): InterfacePlan | undefined {
		const others = (this.#segments.get(by) ?? []).filter(each => each !== by);
		return others.find(({addresses}) => addresses.some(({address}) => sameAddress(address, next)))
			?? others.find(each => {
				const node = this.#blueprint.nodes.get(each.node);
				return node?.kind === 'router' && node.options.proxyArp && (egressOf(node, destination)?.by ?? each) !== each;
			});
	}

	/** The switches between two stations of a segment, nearest first. */
	#around(out: InterfacePlan, taker: InterfacePlan): Hop[] {
		const arrivals = this.#walk(out, taker);
		return arrivals.flatMap(by => {
			const node = this.#blueprint.nodes.get(by.node);
			return node ? [{node, arrival: {by, source: out.mac, destination: taker.mac}}] : [];
		});
	}

	/** Breadth first. Returns the interfaces by which the frame comes into each node, the taker's last. */
	#walk(out: InterfacePlan, taker: InterfacePlan): InterfacePlan[] {
		const first = this.#peers.get(out);
		const ways: InterfacePlan[][] = first ? [[first]] : [];
		const seen = new Set<string>();
		for (let way = ways.shift(); way; way = ways.shift()) {
			const here = way.at(-1);
			if (here === taker) {
				return way;
			}

			const node = this.#blueprint.nodes.get(here?.node ?? '');
			if (node && !isStation(node) && !seen.has(node.name)) {
				seen.add(node.name);
				ways.push(...node.interfaces.flatMap(each => {
					const next = each === here ? undefined : this.#peers.get(each);
					return next ? [[...way, next]] : [];
				}));
			}
		}

		return [];
	}
}

type Egress = {readonly by: InterfacePlan; readonly next: Address};

/** By the longest prefix; of equals the subnet of an interface wins. */
function egressOf({interfaces, routes}: NodePlan, destination: Address): Egress | undefined {
	const connected = interfaces.flatMap(by => by.addresses.map(address => ({to: networkOf(address), by, next: destination})));
	const neighborOf = (address: Address) => connected.find(({to}) => contains(to, address))?.by;
	const routed = routes.flatMap(({to, via, interface: name}) => {
		const by = name === undefined ? via && neighborOf(via) : interfaces.find(each => each.name === name);
		return by ? [{to, by, next: via ?? destination}] : [];
	});
	return [...connected, ...routed].filter(({to}) => contains(to, destination)).reduce<Egress & {to: {length: number}} | undefined>((best, each) => best && best.to.length >= each.to.length ? best : each, undefined);
}

function refusalOf(node: NodePlan, isStart: boolean): string | undefined {
	if (isStart) {
		return isStation(node) ? undefined : `${node.name} is a ${node.kind} and sends nothing of its own`;
	}

	return node.kind === 'router' && node.options.forwarding !== false ? undefined : `${node.name} forwards nothing`;
}

function has(node: NodePlan, address: Address): boolean {
	return node.interfaces.some(({addresses, mac}) => addresses.some(each => sameAddress(each.address, address))
		|| (node.ipv6 && isStation(node) && sameAddress(linkLocalAddress(mac), address)));
}

function addressesOf({interfaces}: NodePlan): Address[] {
	return interfaces.flatMap(({addresses}) => addresses.map(({address}) => address)).filter(address => !isLinkLocal(address));
}
