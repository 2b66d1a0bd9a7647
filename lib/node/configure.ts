/** What makes a namespace a host or a router: kernel settings, addresses, routes, permanent neighbours. */
import {addAddress} from '../kernel/address.ts';
import {turnTxChecksumOff} from '../kernel/ethtool.ts';
import {setLinkUp} from '../kernel/link.ts';
import {type Namespace, inside} from '../kernel/namespace.ts';
import {addNeighbor} from '../kernel/neighbor.ts';
import {addRoute} from '../kernel/route.ts';
import {type Request, Rtnetlink, RtnetlinkError} from '../kernel/rtnetlink.ts';
import {getSysctl, setSysctl} from '../kernel/sysctl.ts';
import type {Interface} from '../link/interface.ts';
import type {NodePlan, RoutePlan} from '../topology/blueprint.ts';
import {type Address, type Mac, contains, networkOf} from '../util/address.ts';

const loopback = {name: 'lo', index: 1};

/** What configuring needs to know of a node; Node satisfies it. */
export type Configurable = {readonly plan: NodePlan; readonly namespace: Namespace; readonly interfaces: readonly Interface[]};

/** Settings and their values in a namespace that nobody has configured yet. */
export type Inherited = ReadonlyMap<string, string>;

/**
A new namespace starts with the first namespace's IPv4 settings, or with the kernel's own (net.core.devconf_inherit_init_net).
Read once, inside a new one: what is right already need not be written a thousand times.
*/
export function inheritedSettings(): Inherited {
	return new Map(['net/ipv4/ip_forward', 'net/ipv4/conf/all/rp_filter', 'net/ipv4/conf/default/rp_filter'].map(name => [name, getSysctl(name)]));
}

/** Kernel settings of a new namespace, set from inside it before it has any link: links inherit the `default` ones. */
export function applySettings(plan: NodePlan, inherited: Inherited): void {
	for (const [name, value] of settingsOf(plan)) {
		if (inherited.get(name) !== String(value)) {
			setSysctl(name, value);
		}
	}
}

function settingsOf(plan: NodePlan): Array<[string, number]> {
	const router = plan.kind === 'router';
	const forwarding = router && plan.options.forwarding !== false ? 1 : 0;
	return [
		['net/ipv4/ip_forward', forwarding],
		['net/ipv4/conf/all/rp_filter', 0],
		['net/ipv4/conf/default/rp_filter', 0],
		...(router ? routerSettings(plan.options.proxyArp === true) : []),
		...(plan.ipv6 ? ipv6Settings(forwarding) : withoutIpv6),
	];
}

/** ICMP errors are the answers a lab is about, so none is held back. What the mask leaves out, neither limit counts: `icmp_ratelimit`, for one destination, nor `icmp_msgs_per_sec`. */
function routerSettings(proxyArp: boolean): Array<[string, number]> {
	return [
		['net/ipv4/icmp_ratemask', 0],
		['net/ipv4/conf/default/proxy_arp', proxyArp ? 1 : 0],
	];
}

const withoutIpv6: Array<[string, number]> = [['net/ipv6/conf/default/disable_ipv6', 1]];

/** No address waits a second for duplicate detection, none comes from a router advertisement, none is lost when a link goes down. */
function ipv6Settings(forwarding: number): Array<[string, number]> {
	return [
		['net/ipv6/conf/default/accept_dad', 0],
		['net/ipv6/conf/default/accept_ra', 0],
		['net/ipv6/conf/default/router_solicitations', 0],
		['net/ipv6/conf/all/keep_addr_on_down', 1],
		['net/ipv6/conf/all/forwarding', forwarding],
		// A mask of no type cannot be written as a number; type 0 is reserved (RFC 4443).
		...(forwarding ? [['net/ipv6/icmp/ratemask', 0]] satisfies Array<[string, number]> : []),
	];
}

export type Neighbor = {readonly address: Address; readonly mac: Mac};

export type ConfigureOptions = {
	/** A buffer that many nodes share. */
	readonly request?: Request;
	/** Interfaces that face a userspace bridge. */
	readonly withoutTxChecksum?: readonly string[];
	/** Permanent neighbours of each interface. */
	readonly neighbors?: ReadonlyMap<string, readonly Neighbor[]>;
};

/** Gives a node's interfaces their addresses, routes and neighbours, in one batch. @throws KernelError */
export function configureNode(node: Configurable, {request, withoutTxChecksum = [], neighbors}: ConfigureOptions = {}): void {
	using rtnetlink = new Rtnetlink(node.namespace, request);
	setLinkUp(rtnetlink, loopback, true);
	for (const each of node.interfaces) {
		setLinkUp(rtnetlink, each, true);
		addAddresses(rtnetlink, each);
		for (const {address, mac} of neighbors?.get(each.name) ?? []) {
			addNeighbor(rtnetlink, each.index, address, mac);
		}
	}

	addRoutes(rtnetlink, node, node.plan.routes);
	rtnetlink.flush();
	if (withoutTxChecksum.length > 0 || node.plan.kind === 'router') {
		inside(node.namespace, () => {
			turnTxChecksumOff(withoutTxChecksum);
			if (node.plan.kind === 'router') {
				answerProxyArpAtOnce(node.interfaces);
			}
		});
	}
}

/** The kernel holds proxied ARP replies back for a random 0–0.8 s. It has no default for new interfaces outside the first namespace. */
function answerProxyArpAtOnce(interfaces: readonly Interface[]): void {
	for (const {name} of interfaces) {
		setSysctl(`net/ipv4/neigh/${name}/proxy_delay`, 0);
	}
}

/** Puts back addresses and routes of one interface; those that are still there are kept. @throws KernelError */
export function configureInterface(node: Configurable, end: Interface): void {
	using rtnetlink = new Rtnetlink(node.namespace);
	addAddresses(rtnetlink, end);
	addRoutes(rtnetlink, node, node.plan.routes.filter(route => leavesBy(route, end)));
	try {
		rtnetlink.flush();
	} catch (error) {
		if (!(error instanceof RtnetlinkError && error.failures.every(({errno}) => errno === 'EEXIST'))) {
			throw error;
		}
	}
}

function addAddresses(rtnetlink: Rtnetlink, end: Interface): void {
	for (const address of end.addresses) {
		addAddress(rtnetlink, end, address);
	}
}

function addRoutes(rtnetlink: Rtnetlink, node: Configurable, routes: readonly RoutePlan[]): void {
	for (const {to, via, interface: name} of routes) {
		addRoute(rtnetlink, {to, via, interface: node.interfaces.find(each => each.name === name)?.index});
	}
}

function leavesBy(route: RoutePlan, end: Interface): boolean {
	const {via} = route;
	return route.interface === end.name || (via !== undefined && end.addresses.some(address => contains(networkOf(address), via)));
}

/** Kernel settings of a namespace that only carries switches: it speaks no IP of its own. */
export function applyFabricSettings(): void {
	setSysctl('net/ipv6/conf/all/disable_ipv6', 1);
	setSysctl('net/ipv6/conf/default/disable_ipv6', 1);
	setSysctl('net/ipv4/ip_forward', 0);
}
