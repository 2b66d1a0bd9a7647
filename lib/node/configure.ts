/** What makes a namespace a host or a router: kernel settings, addresses, routes, permanent neighbours. */
import {addAddress} from '../kernel/address.ts';
import {turnTxChecksumOff} from '../kernel/ethtool.ts';
import {setLinkUp} from '../kernel/link.ts';
import {inside} from '../kernel/namespace.ts';
import {addNeighbor} from '../kernel/neighbor.ts';
import {addRoute} from '../kernel/route.ts';
import {type Request, Rtnetlink} from '../kernel/rtnetlink.ts';
import {addRule} from '../kernel/rule.ts';
import {getSysctl, setSysctl} from '../kernel/sysctl.ts';
import type {NodePlan} from '../topology/blueprint.ts';
import {answersForOthers, forwards} from '../topology/routes.ts';
import {reversePathFilters} from '../topology/routing-options.ts';
import {sysctlsOf} from '../topology/sysctls.ts';
import type {Address, Mac} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Configurable} from './configurable.ts';
import {indexOf} from './names.ts';
import {answerForRoutes} from './proxy-ndp.ts';
import {kernelRoute} from './routes.ts';
import {type Setting, writeSettings} from './sysctls.ts';

export type {Configurable} from './configurable.ts';

const loopback = {name: 'lo', index: 1};

/** Settings and their values in a namespace that nobody has configured yet. */
export type Inherited = ReadonlyMap<string, string>;

/**
A new namespace starts with the first namespace's IPv4 settings, or with the kernel's own (net.core.devconf_inherit_init_net).
Read once, inside a new one: what is right already need not be written a thousand times.
*/
export function inheritedSettings(): Inherited {
	return new Map(['net/ipv4/ip_forward', 'net/ipv4/conf/all/rp_filter', 'net/ipv4/conf/default/rp_filter'].map(name => [name, getSysctl(name)]));
}

/** Kernel settings of a new namespace, set from inside it before it has any link: links inherit the `default` ones. @throws InputError `unknown-sysctl`, `sysctl` */
export function applySettings(plan: NodePlan, inherited: Inherited): void {
	for (const [name, value] of settingsOf(plan)) {
		if (inherited.get(name) !== String(value)) {
			setSysctl(name, value);
		}
	}

	writeAs(plan, userSettings(plan).filter(([name]) => !isOfInterface(name, plan)));
}

/** Many nodes are made at once, so what is refused says whose it is. */
function writeAs({name}: NodePlan, settings: readonly Setting[]): void {
	try {
		writeSettings(settings);
	} catch (error) {
		throw error instanceof InputError ? new InputError(error.code, `${name}: ${error.message}`, error.details, {cause: error}) : error;
	}
}

function settingsOf(plan: NodePlan): Array<[string, number]> {
	const filter = plan.kind === 'host' || plan.kind === 'router' ? plan.options.rpFilter : undefined;
	return [
		['net/ipv4/ip_forward', Number(forwards(plan, 4))],
		['net/ipv4/conf/all/rp_filter', 0],
		['net/ipv4/conf/default/rp_filter', reversePathFilters.indexOf(filter ?? 'off')],
		...(plan.kind === 'router' ? routerSettings(answersForOthers(plan, 4)) : []),
		...(plan.ipv6 ? ipv6Settings(plan) : withoutIpv6),
	];
}

function userSettings(plan: NodePlan): Setting[] {
	return plan.kind === 'host' || plan.kind === 'router' ? sysctlsOf(plan.options.sysctls, plan.interfaces) : [];
}

/** Such a setting is there as soon as the interface is. */
function isOfInterface(name: string, {interfaces}: NodePlan): boolean {
	return name.split('/').some(part => interfaces.some(each => each.name === part));
}

/** ICMP errors are the answers a lab is about, so none is held back. What the mask leaves out, neither limit counts: `icmp_ratelimit`, for one destination, nor `icmp_msgs_per_sec`. */
function routerSettings(proxyArp: boolean): Array<[string, number]> {
	return [
		['net/ipv4/icmp_ratemask', 0],
		['net/ipv4/conf/default/proxy_arp', Number(proxyArp)],
	];
}

const withoutIpv6: Array<[string, number]> = [['net/ipv6/conf/default/disable_ipv6', 1]];

/** No address waits a second for duplicate detection, none comes from a router advertisement, none is lost when a link goes down. */
export function ipv6Settings(plan: NodePlan): Array<[string, number]> {
	return [
		['net/ipv6/conf/default/accept_dad', 0],
		['net/ipv6/conf/default/accept_ra', 0],
		['net/ipv6/conf/default/router_solicitations', 0],
		['net/ipv6/conf/all/keep_addr_on_down', 1],
		['net/ipv6/conf/all/forwarding', Number(forwards(plan, 6))],
		['net/ipv6/conf/default/proxy_ndp', Number(answersForOthers(plan, 6))],
		// A mask of no type cannot be written as a number; type 0 is reserved (RFC 4443).
		...(plan.kind === 'router' ? [['net/ipv6/icmp/ratemask', 0]] satisfies Array<[string, number]> : []),
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

/** Gives a node's interfaces their addresses, routes, rules and neighbours, in one batch. @throws KernelError; InputError `unknown-sysctl`, `sysctl` */
export function configureNode(node: Configurable, {request, withoutTxChecksum = [], neighbors}: ConfigureOptions = {}): void {
	using rtnetlink = new Rtnetlink(node.namespace, request);
	setLinkUp(rtnetlink, loopback, true);
	for (const each of node.interfaces) {
		setLinkUp(rtnetlink, each, true);
		for (const address of each.addresses) {
			addAddress(rtnetlink, each, address);
		}

		for (const {address, mac} of neighbors?.get(each.name) ?? []) {
			addNeighbor(rtnetlink, each.index, address, mac);
		}
	}

	addPlanned(rtnetlink, node);
	rtnetlink.flush();
	const settings = interfaceSettings(node);
	if (withoutTxChecksum.length > 0 || settings.length > 0) {
		inside(node.namespace, () => {
			turnTxChecksumOff(withoutTxChecksum);
			writeAs(node.plan, settings);
		});
	}

	if (answersForOthers(node.plan, 6)) {
		answerForRoutes(node);
	}
}

function addPlanned(rtnetlink: Rtnetlink, node: Configurable): void {
	for (const {address, mac, interface: name} of node.plan.neighbors) {
		addNeighbor(rtnetlink, indexOf(node, name), address, mac);
	}

	for (const route of node.plan.routes) {
		addRoute(rtnetlink, kernelRoute(node, route));
	}

	for (const rule of node.plan.rules) {
		addRule(rtnetlink, rule);
	}
}

/** What the user says of interfaces, and on routers that proxied answers come at once: the kernel holds them back for a random 0–0.8 s. It has no default for new interfaces outside the first namespace. */
function interfaceSettings({plan, interfaces}: Configurable): Setting[] {
	const families = plan.ipv6 ? ['ipv4', 'ipv6'] : ['ipv4'];
	return [
		...plan.kind === 'router' ? interfaces.flatMap(({name}) => families.map((family): Setting => [`net/${family}/neigh/${name}/proxy_delay`, 0])) : [],
		...userSettings(plan).filter(([name]) => isOfInterface(name, {...plan, interfaces})),
	];
}

/** Kernel settings of a namespace that only carries switches: it speaks no IP of its own. */
export function applyFabricSettings(): void {
	setSysctl('net/ipv6/conf/all/disable_ipv6', 1);
	setSysctl('net/ipv6/conf/default/disable_ipv6', 1);
	setSysctl('net/ipv4/ip_forward', 0);
}
