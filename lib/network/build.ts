/** Makes the namespaces, links and addresses of a blueprint, in batches that leave room for signals and for Open vSwitch to keep up. */
import {setImmediate} from 'node:timers/promises';
import {addBridge, addVeth, setLinkUp, setMaster} from '../kernel/link.ts';
import {type Namespace, createNamespaces} from '../kernel/namespace.ts';
import {Request, Rtnetlink} from '../kernel/rtnetlink.ts';
import type {Interface} from '../link/interface.ts';
import {shapeEnds} from '../link/shaping.ts';
import {type ConfigureOptions, type Inherited, applyFabricSettings, applySettings, configureNode, inheritedSettings} from '../node/configure.ts';
import type {Node} from '../node/node.ts';
import type {Blueprint, InterfacePlan, LinkPlan, NodePlan} from '../topology/blueprint.ts';
import {SecureNetError} from '../util/errors.ts';
import {fabricNamespace, nodeNamespace} from './paths.ts';
import {isSwitching} from './portions.ts';

export type BuildOptions = {
	readonly lab: string;
	/** Called after each batch with what was made and how many. */
	readonly made: (what: string, count: number) => void;
	readonly signal?: AbortSignal | undefined;
};

/**
Interface 1 is the loopback, and a kernel that has loaded tunnel modules gives every namespace their interfaces (gre0, tunl0, sit0 …).
In the fabric, Open vSwitch makes interfaces too. Ours begin above those.
*/
export const firstIndex = {node: 100, fabric: 10_000} as const;
/** Objects made without a pause: some 10 ms, so that programs started meanwhile are served. */
const batchSize = 8;

/** The namespace that holds the switches, and what it was like when it was new, as all others will be. */
export function createFabric(lab: string): {fabric: Namespace; inherited: Inherited} {
	let inherited: Inherited = new Map();
	const [fabric] = createNamespaces([fabricNamespace(lab)], () => {
		inherited = inheritedSettings();
		applyFabricSettings();
	});
	if (!fabric) {
		throw new TypeError('One name makes one namespace.');
	}

	return {fabric, inherited};
}

/** Namespaces of hosts and routers, put into `made` under their nodes' names batch by batch: what a later failure leaves is known. */
export async function createNodeNamespaces(plans: readonly NodePlan[], inherited: Inherited, made: Map<string, Namespace>, options: BuildOptions): Promise<void> {
	await inBatches('namespaces', plans, options, batch => {
		const planOf = new Map(batch.map(plan => [nodeNamespace(options.lab, plan.name), plan]));
		const namespaces = createNamespaces([...planOf.keys()], ({name}) => {
			const plan = planOf.get(name);
			if (plan) {
				applySettings(plan, inherited);
			}
		});
		for (const namespace of namespaces) {
			made.set(planOf.get(namespace.name)?.name ?? '', namespace);
		}
	});
}

export type Ports = {
	readonly interfaces: Map<InterfacePlan, Interface>;
	/** Index of each Linux bridge, by its name. */
	readonly masters: ReadonlyMap<string, number>;
};

/** Interfaces of switches and bridges, decided before any exists: a link may lead to a switch of a later portion. */
export function layOutPorts(blueprint: Blueprint, fabric: Namespace): Ports {
	const interfaces = new Map<InterfacePlan, Interface>();
	const masters = new Map<string, number>();
	let next = firstIndex.fabric;
	for (const node of [...blueprint.nodes.values()].filter(isSwitching)) {
		if (node.kind === 'bridge') {
			masters.set(node.name, next++);
		}

		for (const plan of node.interfaces) {
			interfaces.set(plan, {...plan, namespace: fabric, index: next++, master: masters.get(node.name)});
		}
	}

	return {interfaces, masters};
}

/** Interfaces of hosts and routers, once their namespaces exist. */
export function layOutStations(plans: readonly NodePlan[], namespaces: ReadonlyMap<string, Namespace>, interfaces: Map<InterfacePlan, Interface>): void {
	for (const node of plans) {
		const namespace = namespaces.get(node.name);
		for (const [position, plan] of namespace ? node.interfaces.entries() : []) {
			interfaces.set(plan, {...plan, namespace: namespace as Namespace, index: firstIndex.node + position});
		}
	}
}

/** Linux bridges, each with the index its ports name as their master. */
export function createBridges(blueprint: Blueprint, fabric: Namespace, masters: Ports['masters']): void {
	using rtnetlink = new Rtnetlink(fabric);
	for (const node of blueprint.nodes.values()) {
		if (node.kind === 'bridge') {
			addBridge(rtnetlink, {name: node.name, index: masters.get(node.name) ?? 0, stp: node.options.stp === true});
		}
	}

	rtnetlink.flush();
}

/** Veth pairs; the end that lies in the fabric comes first, so that it is up and a port of its bridge at once. */
export async function createLinks(links: readonly LinkPlan[], fabric: Namespace, interfaces: ReadonlyMap<InterfacePlan, Interface>, options: BuildOptions): Promise<void> {
	using rtnetlink = new Rtnetlink(fabric);
	await inBatches('links', links, options, batch => {
		for (const {ends: [a, b]} of batch) {
			const [near, far] = inFabricFirst([interfaceOf(interfaces, a), interfaceOf(interfaces, b)], fabric);
			addVeth(rtnetlink, [near, far]);
			if (far.namespace === fabric) {
				joinFabric(rtnetlink, far);
			}
		}

		rtnetlink.flush();
	});
}

function inFabricFirst([a, b]: readonly [Interface, Interface], fabric: Namespace): readonly [Interface, Interface] {
	return b.namespace === fabric ? [b, a] : [a, b];
}

/** Makes an end a port of its bridge, if that is a Linux one, and sets it up. */
export function joinFabric(rtnetlink: Rtnetlink, end: Interface): void {
	if (end.master !== undefined) {
		setMaster(rtnetlink, end, end.master);
	}

	setLinkUp(rtnetlink, end, true);
}

/** Addresses, routes and neighbours of hosts and routers. */
export async function configureNodes(nodes: readonly Node[], optionsOf: (node: Node) => ConfigureOptions, options: BuildOptions): Promise<void> {
	const request = new Request();
	await inBatches('addresses', nodes, options, batch => {
		for (const node of batch) {
			configureNode(node, {...optionsOf(node), request});
		}
	});
}

/** Once the switches have their ports: see `shapeEnds`. It is too little to count as progress. */
export async function shapeInterfaces(interfaces: Iterable<Interface>, options: BuildOptions): Promise<void> {
	const shaped = [...interfaces].filter(({shaping}) => shaping);
	await inBatches('shaping', shaped, {...options, made: () => undefined}, shapeEnds);
}

export function interfaceOf(interfaces: ReadonlyMap<InterfacePlan, Interface>, plan: InterfacePlan): Interface {
	const found = interfaces.get(plan);
	if (!found) {
		throw new TypeError(`The blueprint links ${plan.node} by ${plan.name}, which is not among its interfaces.`);
	}

	return found;
}

async function inBatches<Item>(what: string, items: readonly Item[], {made, signal}: BuildOptions, work: (batch: readonly Item[]) => void): Promise<void> {
	for (let at = 0; at < items.length; at += batchSize) {
		if (signal?.aborted) {
			throw new SecureNetError('interrupted', `Interrupted while making ${what}.`);
		}

		const batch = items.slice(at, at + batchSize);
		work(batch);
		made(what, batch.length);
		await setImmediate();
	}
}
