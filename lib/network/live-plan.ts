/** How a running node routes, read from its kernel at the moment: what lines of the prompt, a control plane and other programs have made of its plan. */
import {listAddresses} from '../kernel/address.ts';
import {carrierOf} from '../kernel/carrier.ts';
import {inside} from '../kernel/namespace.ts';
import {type NeighborState, listNeighbors, listProxies} from '../kernel/neighbor.ts';
import {queryRoute} from '../kernel/route-query.ts';
import {type InstalledRoute, listRoutes} from '../kernel/route.ts';
import {listRules} from '../kernel/rule.ts';
import {getSysctl} from '../kernel/sysctl.ts';
import {indexOf, interfaceNames, nameOf} from '../node/names.ts';
import type {Node} from '../node/node.ts';
import {routePlan} from '../node/routes.ts';
import type {RoutePlan} from '../topology/blueprint.ts';
import {Paths} from '../topology/paths.ts';
import {nextHopsOf} from '../topology/routes.ts';
import {reversePathFilters} from '../topology/routing-options.ts';
import type {Flow, InterfaceRouting, InterfaceState, LookupRule, RoutingPlan} from '../topology/routing-plan.ts';
import {isStation} from '../topology/specs.ts';
import {type Address, isLinkLocal, sameAddress} from '../util/address.ts';
import {KernelError} from '../util/errors.ts';
import type {Network} from './network.ts';

/** Ways through a network as its kernels have them now; only nodes that a way meets are asked, each once. */
export function livePaths(network: Network): Paths {
	return new Paths(network.blueprint, plan => livePlan(network.node(plan.name)));
}

/** @throws KernelError */
export function livePlan(node: Node): RoutingPlan {
	const stateOf = stateReader(node);
	return isStation(node) ? {...stationPlan(node), stateOf, chosenHop: (flow, route) => chosenHop(node, flow, route)} : {...portsOnly, stateOf};
}

type Routing = Omit<RoutingPlan, 'stateOf' | 'chosenHop'>;

const portsOnly: Routing = {addresses: [], interfaces: [], routes: [], rules: [], neighbors: [], ttl: {4: 0, 6: 0}};
/** The kernel ends every table of IPv6 with a refusal of this metric, which means that there is no route. */
const nullMetric = 0xFF_FF_FF_FF;
/** Every other neighbour gets packets, even one that has long not been heard of (NUD_VALID, linux/neighbour.h). */
const invalid: ReadonlySet<NeighborState> = new Set(['incomplete', 'failed']);

function stationPlan(node: Node): Routing {
	const addresses = listAddresses(node.namespace);
	return {
		addresses: addresses.map(({address}) => address),
		interfaces: interfacesOf(node, addresses),
		routes: listRoutes(node.namespace, {table: 'all'}).filter(isUsed).map(route => routePlan(node, route)),
		rules: listRules(node.namespace).map(({type, table, ...rule}) => ({...rule, ...table === undefined ? {} : {table}, ...type === undefined ? {} : {type}}) as LookupRule),
		neighbors: listNeighbors(node.namespace).flatMap(({address, interface: index, mac, state}) => mac === undefined || invalid.has(state) ? [] : [{address, mac, interface: nameOf(node, index), ...state === 'permanent' ? {} : {isLearned: true}}]),
		ttl: inside(node.namespace, () => ({4: Number(read('net/ipv4/ip_default_ttl', '64')), 6: Number(read('net/ipv6/conf/all/hop_limit', '64'))})),
	};
}

/** Without what every interface has of its own: nobody routes by that. */
function isUsed({to, metric}: InstalledRoute): boolean {
	return !isLinkLocal(to) && metric !== nullMetric;
}

function interfacesOf(node: Node, addresses: ReturnType<typeof listAddresses>): InterfaceRouting[] {
	const indexes = new Map(addresses.map(({interface: index}) => [index, nameOf(node, index)]));
	const proxies = listProxies(node.namespace, {all: true}).map(({address, interface: index}) => ({address, name: nameOf(node, index)}));
	const names = interfaceNames(node);
	return inside(node.namespace, () => {
		const all = settingsOf('all');
		const forwards6 = read('net/ipv6/conf/all/forwarding', '0') !== '0';
		return names.map(name => {
			const own = settingsOf(name);
			return {
				name,
				addresses: addresses.filter(each => indexes.get(each.interface) === name),
				forwards: {4: own.forwarding, 6: forwards6},
				proxyArp: own.proxyArp || all.proxyArp,
				proxies: own.proxyNdp || all.proxyNdp ? proxies.filter(each => each.name === name).map(({address}) => address) : [],
				rpFilter: reversePathFilters[Math.max(own.rpFilter, all.rpFilter)] ?? 'off',
			};
		});
	});
}

function settingsOf(name: string) {
	return {
		forwarding: read(`net/ipv4/conf/${name}/forwarding`, '0') !== '0',
		proxyArp: read(`net/ipv4/conf/${name}/proxy_arp`, '0') !== '0',
		proxyNdp: read(`net/ipv6/conf/${name}/proxy_ndp`, '0') !== '0',
		rpFilter: Number(read(`net/ipv4/conf/${name}/rp_filter`, '0')),
	};
}

/** A kernel without IPv6 has none of its settings, and an interface may be gone by now. */
function read(name: string, otherwise: string): string {
	try {
		return getSysctl(name);
	} catch (error) {
		if (error instanceof KernelError && error.errno === 'ENOENT') {
			return otherwise;
		}

		throw error;
	}
}

function chosenHop(node: Node, {to, from, arrival}: Flow, route: RoutePlan): number {
	const hop = queryRoute(node.namespace, {to, from, ...arrival === 'lo' ? {} : {arrival: indexOf(node, arrival)}});
	const name = hop?.interface === undefined ? undefined : nameOf(node, hop.interface);
	const isSame = (via: Address | undefined) => via === undefined || hop?.via === undefined ? via === hop?.via : sameAddress(via, hop.via);
	return Math.max(0, nextHopsOf(route).findIndex(each => each.interface === name && isSame(each.via)));
}

function stateReader({namespace}: Node): (name: string) => InterfaceState {
	const known = new Map<string, InterfaceState>();
	return name => {
		const state = known.get(name) ?? carrierOf(namespace, name);
		known.set(name, state);
		return state;
	};
}
