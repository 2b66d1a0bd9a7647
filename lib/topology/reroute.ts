/** Static routes that were worked out, once something has left the network: a way may lead elsewhere now, however far from it a router stands. */
import {formatPrefix} from '../util/address.ts';
import {Problems} from '../util/problems.ts';
import type {Blueprint, NodePlan, RoutePlan} from './blueprint.ts';
import {routeOptions} from './route-text.ts';
import {type RoutePlanner, inOrder, isDefault, isReachable, routePlanner} from './routes.ts';
import {segmentsOf} from './segments.ts';
import {isStation} from './specs.ts';
import {staticRoutes} from './static-routes.ts';

/**
All of them are worked out anew: one that only lost its next hop's next hop would lead in a circle. Given routes and gateways stay, a host that is left with one router
gets it as its gateway. What stays as it was is the very same object.
*/
export function rerouted(plan: Blueprint): Blueprint {
	const segments = segmentsOf(plan);
	const routesOf = routePlanner({kinds: plan.nodes, segments}, new Problems());
	const nodes = new Map([...plan.nodes].map(([name, node]) => [name, isStation(node) ? {...node, routes: ownRoutes(node, routesOf)} : node]));
	const added = staticRoutes({nodes, segments, tunnels: plan.tunnels});
	return {...plan, nodes: new Map([...plan.nodes].map(([name, node]) => [name, withRoutes(node, [...nodes.get(name)?.routes ?? [], ...added.get(name) ?? []])]))};
}

/** Those that were not worked out, as far as they are left. */
function ownRoutes(node: NodePlan, routesOf: RoutePlanner): RoutePlan[] {
	const said = routesOf(node, node.interfaces);
	const texts = new Set(said.map(textOf));
	const own = node.routes.filter(route => isDefault(route) || (texts.size > 0 && texts.has(textOf(route))));
	const ways = new Set(own.map(({to}) => formatPrefix(to)));
	return [...own, ...said.filter(route => !ways.has(formatPrefix(route.to)) && isReachable(route, node.interfaces))];
}

function withRoutes(node: NodePlan, routes: readonly RoutePlan[]): NodePlan {
	const before = new Map(node.routes.map(route => [textOf(route), route]));
	const known = routes.map(route => before.get(textOf(route)));
	const isSame = known.length === before.size && known.every(route => route !== undefined);
	return isSame ? node : {...node, routes: inOrder(routes.map((route, index) => known[index] ?? route))};
}

function textOf(route: RoutePlan): string {
	return JSON.stringify(routeOptions(route));
}
