/** What a network has made so far: building begins it, live changes go on with it, `down` takes it away. */
import type {Namespace} from '../kernel/namespace.ts';
import type {Interface} from '../link/interface.ts';
import {Link} from '../link/link.ts';
import type {Tunnel} from '../link/tunnel.ts';
import type {Inherited} from '../node/configure.ts';
import {Node} from '../node/node.ts';
import type {Blueprint, InterfacePlan, LinkPlan, NodePlan, TunnelPlan} from '../topology/blueprint.ts';
import {firstIndex, interfaceOf} from './build.ts';
import type {Journal} from './journal.ts';
import {ovsEnvironment} from './paths.ts';
import {isSwitching} from './portions.ts';
import type {Switching} from './switching.ts';
import {type Tunnels, tunnelOf} from './tunnels.ts';

export type Ground = {
	/** Its name. */
	readonly lab: string;
	readonly journal: Journal;
	readonly fabric: Namespace;
	/** What a namespace is like when it is new. */
	readonly inherited: Inherited;
	/** By node name, of hosts and routers. */
	readonly namespaces: Map<string, Namespace>;
	/** Index of each Linux bridge, by its name. */
	readonly masters: ReadonlyMap<string, number>;
	readonly switching: Switching | undefined;
	readonly tunnels: Tunnels;
	/** Entries that the host's neighbour table has room for. */
	neighborRoom: number;
};

export class Made {
	readonly ground: Ground;
	#blueprint: Blueprint;
	#nodes = new Map<string, Node>();
	#links = new Map<LinkPlan, Link>();
	#tunnels = new Map<TunnelPlan, Tunnel>();
	#interfaces = new Map<InterfacePlan, Interface>();
	#ports = new Map<number, Interface>();
	#nextIndex: number;

	/** @param interfaces of all that the blueprint has */
	constructor(ground: Ground, blueprint: Blueprint, interfaces: ReadonlyMap<InterfacePlan, Interface>) {
		this.ground = ground;
		this.#blueprint = blueprint;
		this.become(blueprint, interfaces);
		this.#nextIndex = Math.max(firstIndex.fabric, ...ground.masters.values(), ...this.#ports.keys()) + 1;
	}

	get blueprint(): Blueprint {
		return this.#blueprint;
	}

	/** In the order of the blueprint. */
	get nodes(): ReadonlyMap<string, Node> {
		return this.#nodes;
	}

	/** In the order of the blueprint. */
	get links(): ReadonlyMap<LinkPlan, Link> {
		return this.#links;
	}

	/** In the order of the blueprint. */
	get tunnels(): ReadonlyMap<TunnelPlan, Tunnel> {
		return this.#tunnels;
	}

	get interfaces(): ReadonlyMap<InterfacePlan, Interface> {
		return this.#interfaces;
	}

	/** Interfaces in the fabric, by their index. */
	get ports(): ReadonlyMap<number, Interface> {
		return this.#ports;
	}

	/** An index for an interface of the fabric. None is given twice: what is told of an interface that is gone may come late. */
	nextIndex(): number {
		return this.#nextIndex++;
	}

	/**
	Takes over what the network is now. Nodes and links that stay are the same objects as before.

	@param coming interfaces that it did not have
	@returns what takes all of it back
	*/
	become(next: Blueprint, coming: ReadonlyMap<InterfacePlan, Interface> = new Map()): () => void {
		const before = {blueprint: this.#blueprint, nodes: this.#nodes, links: this.#links, tunnels: this.#tunnels, interfaces: this.#interfaces, ports: this.#ports};
		this.#blueprint = next;
		this.#takeInterfaces(next, new Map([...this.#interfaces, ...coming]));
		this.#nodes = new Map([...next.nodes].map(([name, plan]) => [name, this.#nodeOf(plan)]));
		this.#links = new Map(next.links.map(link => [link, before.links.get(link) ?? this.#newLink(link)]));
		this.#tunnels = new Map(next.tunnels.map(plan => [plan, before.tunnels.get(plan) ?? tunnelOf(plan, this.#interfaces, this.#nodes)]));
		return () => {
			({blueprint: this.#blueprint, nodes: this.#nodes, links: this.#links, tunnels: this.#tunnels, interfaces: this.#interfaces, ports: this.#ports} = before);
			for (const plan of this.#blueprint.nodes.values()) {
				this.#nodeOf(plan);
			}
		};
	}

	#takeInterfaces({nodes}: Blueprint, known: ReadonlyMap<InterfacePlan, Interface>): void {
		this.#interfaces = new Map([...nodes.values()].flatMap(({interfaces}) => interfaces).map(plan => [plan, interfaceOf(known, plan)]));
		this.#ports = new Map([...this.#interfaces.values()].filter(({namespace}) => namespace === this.ground.fabric).map(each => [each.index, each]));
	}

	#nodeOf(plan: NodePlan): Node {
		const node = this.#nodes.get(plan.name);
		if (node?.plan === plan) {
			return node;
		}

		const interfaces = plan.interfaces.map(each => interfaceOf(this.#interfaces, each));
		node?.become(plan, interfaces);
		const {fabric, lab, namespaces} = this.ground;
		return node ?? new Node({plan, namespace: namespaces.get(plan.name) ?? fabric, interfaces, environment: isSwitching(plan) ? ovsEnvironment(lab) : {}});
	}

	#newLink({ends: [a, b]}: LinkPlan): Link {
		const owner = ({node}: InterfacePlan) => this.#nodes.get(node) as Node;
		return new Link([interfaceOf(this.#interfaces, a), interfaceOf(this.#interfaces, b)], [owner(a), owner(b)]);
	}
}
