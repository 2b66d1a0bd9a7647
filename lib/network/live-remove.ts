/** What leaves a network while it runs: its links go down first, then the firewalls forget it, then it is taken away. */
import {type Namespace, closeNamespace, deleteNamespace} from '../kernel/namespace.ts';
import type {Interface} from '../link/interface.ts';
import type {Link} from '../link/link.ts';
import type {Tunnel} from '../link/tunnel.ts';
import type {Node} from '../node/node.ts';
import type {Blueprint, RoutePlan} from '../topology/blueprint.ts';
import {isReachable} from '../topology/routes.ts';
import {messageOf, SecureNetError} from '../util/errors.ts';
import {expedited} from './expedited.ts';
import {type LiveOptions, deleteRoutes, portsOfSwitches} from './live-add.ts';
import type {Made} from './made.ts';
import {forgetNeighbors} from './neighbors.ts';
import {deletePairs} from './pairs.ts';
import {endProcessesInside} from './sweep.ts';

export type Removed = {readonly nodes: readonly Node[]; readonly links: readonly Link[]; readonly tunnels: readonly Tunnel[]};

/** @throws what the firewalls threw, everything then is as before; SecureNetError `remove` for what could not be taken away and goes with the lab */
export async function removeLive(made: Made, next: Blueprint, {secure, arp}: LiveOptions): Promise<Removed> {
	const before = {blueprint: made.blueprint, nodes: [...made.nodes.values()]};
	const nodes = before.nodes.filter(({name}) => !next.nodes.has(name));
	const links = leaving(made.links, next.links);
	const tunnels = leaving(made.tunnels, next.tunnels);
	const ends = new Map(made.interfaces);
	const silenced = [...links, ...tunnels].filter(link => ['up', 'no carrier'].includes(link.carrier));
	const changes = routeChanges(before.nodes, next);
	const takeBack = made.become(next);
	try {
		for (const link of silenced) {
			link.down();
		}

		await secure(next);
	} catch (error) {
		takeBack();
		for (const link of silenced) {
			link.up();
		}

		throw error;
	}

	forgetWhatWaits(changes, [...links, ...tunnels].flatMap(link => link.ends));
	try {
		await made.ground.tunnels.remove(tunnels.map(({plan}) => plan), ends);
		await made.ground.tunnels.rule(next, made.nodes);
		await takeAway(made, before.blueprint, {nodes, links});
		for (const {node, lost, found} of changes) {
			deleteRoutes(node, lost.filter(route => isReachable(route, node.plan.interfaces)));
			node.install(found);
		}

		if (arp) {
			forgetNeighbors(before.blueprint, made.interfaces);
		}
	} catch (error) {
		throw new SecureNetError('remove', `${[...nodes, ...links.flatMap(({ends}) => ends)].map(({name}) => name).join(', ')} left the network, but not all of it is gone until the lab is: ${messageOf(error)}`, {}, {cause: error});
	}

	return {nodes, links, tunnels};
}

function leaving<Plan, Running>(running: ReadonlyMap<Plan, Running>, next: readonly Plan[]): Running[] {
	const staying = new Set(next);
	return [...running].filter(([plan]) => !staying.has(plan)).map(([, each]) => each);
}

type RouteChange = {readonly node: Node; readonly lost: readonly RoutePlan[]; readonly found: readonly RoutePlan[]};

/** Routes that nodes which stay have no more, and those that they have instead. */
function routeChanges(nodes: readonly Node[], next: Blueprint): RouteChange[] {
	return nodes.flatMap(node => {
		const [before, left] = [node.plan.routes, next.nodes.get(node.name)?.routes];
		return left ? [{node, lost: left === before ? [] : without(before, left), found: left === before ? [] : without(left, before)}] : [];
	});
}

function without(routes: readonly RoutePlan[], others: readonly RoutePlan[]): RoutePlan[] {
	const known = new Set(others);
	return routes.filter(route => !known.has(route));
}

/** An interface of the same name that comes later is another one. */
function forgetWhatWaits(changes: readonly RouteChange[], ends: readonly Interface[]): void {
	for (const {node, lost} of changes) {
		node.forget(ends.filter(end => end.node === node.name).map(({name}) => name), lost);
	}
}

async function takeAway({ground: {lab, fabric, journal, namespaces, switching}}: Made, blueprint: Blueprint, {nodes, links}: Pick<Removed, 'nodes' | 'links'>): Promise<void> {
	const own = nodes.flatMap(({name}): Namespace[] => {
		const namespace = namespaces.get(name);
		return namespace ? [namespace] : [];
	});
	await endProcessesInside(own.map(({name}) => name), lab);
	await expedited(lab, async () => {
		const ports = portsOfSwitches(blueprint, links.flatMap(({ends}) => ends));
		if (ports.size > 0) {
			await switching?.unplug(ports);
		}

		deletePairs(links.map(({ends}) => ends), fabric);
	});

	for (const namespace of own) {
		closeNamespace(namespace);
		deleteNamespace(namespace.name);
	}

	for (const {name} of nodes) {
		namespaces.delete(name);
	}

	journal.deletedNamespaces(nodes.map(({name}) => name));
}
