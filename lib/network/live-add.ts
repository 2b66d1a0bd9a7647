/** What a network gets while it runs: first its interfaces, then firewalls that know of them, then addresses, and the ports of switches last. */
import {deleteNamespaces} from '../kernel/namespace.ts';
import {deleteRoute, listRoutes, routeProtocols} from '../kernel/route.ts';
import {Request, Rtnetlink} from '../kernel/rtnetlink.ts';
import type {Interface} from '../link/interface.ts';
import type {Link} from '../link/link.ts';
import type {Tunnel} from '../link/tunnel.ts';
import {shapeEnds} from '../link/shaping.ts';
import {configureNode} from '../node/configure.ts';
import {turnIpv6On} from '../node/ipv6.ts';
import type {Node} from '../node/node.ts';
import {isPlanned, routePlan} from '../node/routes.ts';
import type {Blueprint, InterfacePlan, LinkPlan, NodePlan, RoutePlan, TunnelPlan} from '../topology/blueprint.ts';
import {SecureNetError} from '../util/errors.ts';
import {createNodeNamespaces, firstIndex, interfaceOf, joinFabric} from './build.ts';
import type {Made} from './made.ts';
import {facingSwitches, refuseTaken, requireShapedLinks, requireTunnels} from './needs.ts';
import {teachNeighbors} from './neighbors.ts';
import {type Pair, createPairs, deletePairs} from './pairs.ts';
import {nodeNamespace} from './paths.ts';
import {Undo} from './undo.ts';

export type LiveOptions = {
	/** Brings the firewalls to what the network is about to be, or back to what it is. */
	readonly secure: (blueprint: Blueprint) => Promise<void>;
	/** Permanent neighbour entries everywhere. */
	readonly arp: boolean;
	/** Ends the wait for tunnels that connect. */
	readonly signal?: AbortSignal | undefined;
};

export type Added = {readonly nodes: readonly Node[]; readonly links: readonly Link[]; readonly tunnels: readonly Tunnel[]};

/** What the next blueprint has that the present one has not. */
type Coming = {
	readonly next: Blueprint;
	readonly nodes: readonly NodePlan[];
	readonly links: readonly LinkPlan[];
	readonly tunnels: readonly TunnelPlan[];
	/** Of all ends of the links and tunnels. */
	readonly interfaces: ReadonlyMap<InterfacePlan, Interface>;
	readonly pairs: readonly Pair[];
	/** One buffer for all of it. */
	readonly request: Request;
};

/** @throws what the step that failed threw; everything then is as before */
export async function addLive(made: Made, next: Blueprint, {secure, arp, signal}: LiveOptions): Promise<Added> {
	const {blueprint} = made;
	const nodes = [...next.nodes.values()].filter(({name}) => !blueprint.nodes.has(name));
	const links = next.links.slice(blueprint.links.length);
	const tunnels = next.tunnels.slice(blueprint.tunnels.length);
	await requireShapedLinks({links});
	await requireTunnels({tunnels});
	const undo = new Undo();
	try {
		await createNamespaces(made, nodes, undo);
		const coming = layOut(made, {next, nodes, links, tunnels});
		createPairs(coming.pairs, made.ground.fabric, coming.request);
		undo.add(() => {
			deletePairs(coming.pairs, made.ground.fabric);
		});
		undo.add(async () => made.ground.tunnels.remove(tunnels, coming.interfaces));
		await made.ground.tunnels.makeDevices(tunnels, coming.interfaces);
		await secure(next);
		undo.add(async () => secure(blueprint));
		await configure(made, coming, undo);
		await plug(made, coming, undo);
		if (arp) {
			teachNeighbors(next, new Map([...made.interfaces, ...coming.interfaces]), new Set(coming.interfaces.keys()));
		}

		undo.add(made.become(next, coming.interfaces));
		undo.add(async () => made.ground.tunnels.rule(blueprint, made.nodes));
		await carry(made, coming, signal);
	} catch (error) {
		throw await undo.after(signal?.aborted === true ? new SecureNetError('interrupted', 'Interrupted: nothing was added.', {}, {cause: error}) : error);
	}

	return {nodes: nodes.flatMap(({name}) => made.nodes.get(name) ?? []), links: links.flatMap(link => made.links.get(link) ?? []), tunnels: tunnels.flatMap(tunnel => made.tunnels.get(tunnel) ?? [])};
}

async function createNamespaces({ground: {lab, journal, inherited, namespaces}}: Made, plans: readonly NodePlan[], undo: Undo): Promise<void> {
	if (plans.length === 0) {
		return;
	}

	const names = Object.fromEntries(plans.map(({name}) => [name, nodeNamespace(lab, name)]));
	refuseTaken(Object.values(names));
	undo.add(() => {
		deleteNamespaces(plans.flatMap(({name}) => namespaces.get(name) ?? []));
		for (const {name} of plans) {
			namespaces.delete(name);
		}

		journal.deletedNamespaces(Object.keys(names));
	});
	journal.willMakeNamespaces(names);
	await createNodeNamespaces(plans, inherited, namespaces, {lab, made: () => undefined});
}

/** Decides the index of every interface. */
function layOut(made: Made, {next, nodes, links, tunnels}: Pick<Coming, 'next' | 'nodes' | 'links' | 'tunnels'>): Coming {
	const {fabric, namespaces, masters} = made.ground;
	const interfaces = new Map<InterfacePlan, Interface>();
	const last = new Map<string, number>();
	for (const plan of [...links.flatMap(({ends}) => ends), ...tunnels.flatMap(({ends}) => ends.map(end => end.interface))]) {
		const namespace = namespaces.get(plan.node);
		const before = last.get(plan.node) ?? lastIndex(made.nodes.get(plan.node));
		last.set(plan.node, before + 1);
		interfaces.set(plan, namespace ? {...plan, namespace, index: before + 1} : {...plan, namespace: fabric, index: made.nextIndex(), master: masters.get(plan.node)});
	}

	return {next, nodes, links, tunnels, interfaces, pairs: links.map(({ends: [a, b]}) => [interfaceOf(interfaces, a), interfaceOf(interfaces, b)]), request: new Request()};
}

function lastIndex(node: Node | undefined): number {
	return Math.max(firstIndex.node - 1, ...node?.interfaces.map(({index}) => index) ?? []);
}

/** A node that comes is configured as a whole, one that is there gets what comes to it: interfaces, routes that have become known, IPv6. */
async function configure(made: Made, {next, links, interfaces, request}: Coming, undo: Undo): Promise<void> {
	const {namespaces, switching} = made.ground;
	const facing = await switching?.needsChecksums() ? facingSwitches({...next, links}) : new Set<InterfacePlan>();
	for (const plan of next.nodes.values()) {
		const [namespace, node] = [namespaces.get(plan.name), made.nodes.get(plan.name)];
		if (namespace && node?.plan !== plan) {
			const own = plan.interfaces.filter(each => interfaces.has(each));
			const part = node ? beyond(node.plan, plan) : plan;
			const coming = own.map(each => interfaceOf(interfaces, each));
			if (node) {
				prepare(node, part, coming, undo);
			}

			configureNode({plan: part, namespace, interfaces: coming}, {request, withoutTxChecksum: own.filter(each => facing.has(each)).map(({name}) => name)});
		}
	}
}

/** What a plan has that the one before has not. */
function beyond(before: NodePlan, plan: NodePlan): NodePlan {
	return {...plan, routes: plan.routes.filter(route => !before.routes.includes(route)), rules: [], neighbors: []};
}

/** New routes may go by interfaces that stay when the others are taken back. */
function prepare(node: Node, {ipv6, routes}: NodePlan, coming: readonly Interface[], undo: Undo): void {
	if (ipv6 && !node.plan.ipv6) {
		const {plan, namespace, interfaces} = node;
		// Those that come are there already, made as the default was.
		turnIpv6On({plan, namespace, interfaces: [...interfaces, ...coming]});
	}

	undo.add(() => {
		deleteRoutes(node, routes);
	});
}

/** Routes that are gone are fine: they went with their interface. The kernel takes the first that fits what it is told, so it is told all of a route: others to the same place are somebody else's. */
export function deleteRoutes(node: Node, routes: readonly RoutePlan[]): void {
	if (routes.length > 0) {
		const {namespace} = node;
		const installed = listRoutes(namespace, {table: 'all', protocol: routeProtocols.static});
		using rtnetlink = new Rtnetlink(namespace);
		for (const route of installed.filter(each => routes.some(planned => isPlanned(routePlan(node, each), planned)))) {
			deleteRoute(rtnetlink, route);
		}

		rtnetlink.flushExcept('ESRCH', 'ENODEV', 'ENOENT');
	}
}

/** From here on packets pass. A switch that takes an interface removes the shaping it finds there, so that comes last. */
async function plug({ground: {fabric, switching}}: Made, {next, pairs, request}: Coming, undo: Undo): Promise<void> {
	const ends = pairs.flat();
	const ports = portsOfSwitches(next, ends);
	if (ports.size > 0) {
		undo.add(async () => switching?.unplug(ports));
		await switching?.plug(ports);
	}

	using rtnetlink = new Rtnetlink(fabric, request);
	for (const end of ends.filter(({namespace}) => namespace === fabric)) {
		joinFabric(rtnetlink, end);
	}

	rtnetlink.flush();
	shapeEnds(ends.filter(({shaping}) => shaping));
}

/** What tunnels need once packets pass between their endpoints. */
async function carry({nodes, ground}: Made, {next, tunnels, interfaces}: Coming, signal: AbortSignal | undefined): Promise<void> {
	await ground.tunnels.rule(next, nodes);
	await ground.tunnels.connect(tunnels, interfaces, signal);
}

/** Which of the interfaces are ports of an Open vSwitch, by its name. */
export function portsOfSwitches({nodes}: Blueprint, ends: readonly Interface[]): Map<string, Interface[]> {
	const bySwitch = new Map<string, Interface[]>();
	for (const end of ends.filter(({node}) => nodes.get(node)?.kind === 'switch')) {
		bySwitch.set(end.node, [...bySwitch.get(end.node) ?? [], end]);
	}

	return bySwitch;
}
