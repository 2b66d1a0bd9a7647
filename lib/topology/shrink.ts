/** A blueprint that loses nodes, links and tunnels: what is left stays as it is. */
import {type Address, formatAddress, formatInterfaceAddress} from '../util/address.ts';
import type {Blueprint, InterfacePlan, LinkPlan, NodePlan, TunnelPlan} from './blueprint.ts';
import {rerouted} from './reroute.ts';
import {isDefault, isReachable} from './routes.ts';

export type Shrinkage = {
	/** Names; their links and tunnels go with them. */
	readonly nodes: ReadonlySet<string>;
	readonly links: ReadonlySet<LinkPlan>;
	readonly tunnels: ReadonlySet<TunnelPlan>;
};

/** What a network becomes without these nodes, links and tunnels. What stays as it was is the very same object. */
export function shrunk(current: Blueprint, {nodes, links, tunnels}: Shrinkage): Blueprint {
	const isGone = (link: LinkPlan) => links.has(link) || link.ends.some(({node}) => nodes.has(node));
	const isGoneTunnel = (tunnel: TunnelPlan) => tunnels.has(tunnel) || tunnel.ends.some(end => nodes.has(end.interface.node));
	const gone = new Set([...current.links.filter(isGone).flatMap(({ends}) => ends), ...current.tunnels.filter(isGoneTunnel).flatMap(({ends}) => ends.map(end => end.interface))]);
	const left = [...current.nodes.values()].filter(({name}) => !nodes.has(name));
	const addresses = new Set([...gone].flatMap(each => each.addresses.map(({address}) => formatAddress(address))));
	const plan: Blueprint = {
		...current,
		nodes: new Map(left.map(node => [node.name, withoutGateways(withoutInterfaces(node, gone), addresses)])),
		links: current.links.filter(link => !isGone(link)),
		tunnels: current.tunnels.filter(tunnel => !isGoneTunnel(tunnel)),
	};
	return current.settings.routing === 'static' ? rerouted(plan) : plan;
}

function withoutInterfaces(node: NodePlan, gone: ReadonlySet<InterfacePlan>): NodePlan {
	const interfaces = node.interfaces.filter(each => !gone.has(each));
	if (interfaces.length === node.interfaces.length) {
		return node;
	}

	return {...rememberingAddresses(node, interfaces), interfaces, routes: node.routes.filter(route => isReachable(route, interfaces))};
}

/** A host that loses its last link keeps its addresses for the next one, wherever that is. */
function rememberingAddresses(node: NodePlan, left: readonly InterfacePlan[]): NodePlan {
	const [first] = node.interfaces;
	return node.kind === 'host' && first && left.length === 0
		? {...node, options: {...node.options, ip: first.addresses.map(formatInterfaceAddress), mac: first.mac}}
		: node;
}

/** A default gateway that was found, not given, goes with the router. */
function withoutGateways(node: NodePlan, gone: ReadonlySet<string>): NodePlan {
	const isFound = node.kind === 'host' && node.options.gateway === undefined;
	const routes = isFound ? node.routes.filter(route => !(isDefault(route) && isAmong(route.via, gone))) : node.routes;
	return routes.length === node.routes.length ? node : {...node, routes};
}

function isAmong(address: Address | undefined, gone: ReadonlySet<string>): boolean {
	return address !== undefined && gone.has(formatAddress(address));
}
