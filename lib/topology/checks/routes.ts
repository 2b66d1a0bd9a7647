/** Checks of routes: each next hop can be reached, each gateway is somebody, no destination is given twice. */
import {type Address, type Prefix, formatAddress, formatPrefix, isLinkLocal, networkOf, width} from '../../util/address.ts';
import {nearestNames, printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import type {Blueprint, NextHopPlan, NodePlan, RoutePlan} from '../blueprint.ts';
import {answersForOthers, isDefault, nextHopsOf} from '../routes.ts';
import {defaultMetric} from '../route-text.ts';
import {type Segment, segmentsOf} from '../segments.ts';

/** A next hop must lie in a subnet of the node, or be the destination of a route that needs none. */
export function checkNextHops({nodes}: Blueprint, problems: Problems): void {
	const faulty = faultyNodes(problems);
	for (const node of [...nodes.values()].filter(({name}) => !faulty.has(name))) {
		const surroundings = surroundingsOf(node);
		for (const route of node.routes) {
			const mistake = firstOf(nextHopsOf(route), hop => unknownInterface(node, route, hop) ?? badNextHop(node, route, hop, surroundings)) ?? badSource(route, surroundings);
			if (mistake) {
				problems.add(node.name, mistake.message, mistake.hint);
			}
		}
	}
}

type Mistake = {readonly message: string; readonly hint: string};

function firstOf(hops: readonly NextHopPlan[], find: (hop: NextHopPlan) => Mistake | undefined): Mistake | undefined {
	return hops.map(find).find(mistake => mistake !== undefined);
}

function unknownInterface({interfaces}: NodePlan, route: RoutePlan, {interface: name}: NextHopPlan): Mistake | undefined {
	const names = interfaces.map(each => each.name);
	if (name === undefined || names.includes(name)) {
		return undefined;
	}

	const near = nearestNames(name, names);
	return {
		message: `its route to ${destination(route)} leaves by "${printable(name)}", which it does not have`,
		hint: names.length === 0 ? 'Link it first' : `Name one of its interfaces: ${(near.length > 0 ? near : names.slice(0, 5)).join(', ')}`,
	};
}

function badSource({source, ...route}: RoutePlan, {own}: Surroundings): Mistake | undefined {
	return source && !own.has(formatAddress(source)) ? {message: `the source ${formatAddress(source)} of its route to ${destination(route)} is no address of it`, hint: 'Give one of its own addresses'} : undefined;
}

function badNextHop({kind}: NodePlan, route: RoutePlan, {via, interface: name, onlink}: NextHopPlan, {own, subnets}: Surroundings): Mistake | undefined {
	if (!via) {
		return undefined;
	}

	const what = kind === 'host' && isDefault(route) ? `its gateway ${formatAddress(via)}` : `the next hop ${formatAddress(via)} of its route to ${destination(route)}`;
	if (own.has(formatAddress(via))) {
		return {message: `${what} is its own address`, hint: 'Give the address of a neighbor'};
	}

	const reached = subnets.get(name);
	if ((reached && holds(reached, via)) || onlink === true || (isLinkLocal(via) && name !== undefined)) {
		return undefined;
	}

	const place = reached ? `none of its subnets (${[...reached.keys].slice(0, 5).join(', ')})` : 'no subnet of it';
	return {message: `${what} lies in ${place}`, hint: isLinkLocal(via) ? 'Name the interface as well' : `Give the address of a neighbor, or give the node an address in that subnet${name === undefined ? '' : ', or say onlink: true'}`};
}

/** Prefixes as text and the lengths they have, so that finding one that holds an address takes one look a length, however many there are. */
type Subnets = {readonly lengths: Set<number>; readonly keys: Set<string>};

type Surroundings = {
	/** The node's own addresses as text. */
	readonly own: ReadonlySet<string>;
	/** What it reaches without a next hop, by the interface it leaves by; undefined: by any. */
	readonly subnets: ReadonlyMap<string | undefined, Subnets>;
};

/** A node reaches its subnets without a next hop, and the destinations of its routes that only name an interface. */
function surroundingsOf({interfaces, routes}: NodePlan): Surroundings {
	const reached = [
		...interfaces.flatMap(({name, addresses}) => addresses.map(given => ({name, prefix: networkOf(given)}))),
		...routes.flatMap(({to, via, interface: name, table}) => via || name === undefined || table !== undefined ? [] : [{name, prefix: to}]),
	];
	const subnets = new Map<string | undefined, Subnets>();
	for (const {name, prefix} of reached) {
		addSubnet(subnets, name, prefix);
		addSubnet(subnets, undefined, prefix);
	}

	return {own: new Set(interfaces.flatMap(({addresses}) => addresses.map(({address}) => formatAddress(address)))), subnets};
}

function holds({lengths, keys}: Subnets, address: Address): boolean {
	return [...lengths].some(length => length <= width(address.family) && keys.has(formatPrefix(networkOf({address, length}))));
}

function addSubnet(subnets: Map<string | undefined, Subnets>, leaveBy: string | undefined, prefix: Prefix): void {
	const here = subnets.get(leaveBy) ?? {lengths: new Set(), keys: new Set()};
	subnets.set(leaveBy, here);
	here.lengths.add(prefix.length);
	here.keys.add(formatPrefix(prefix));
}

/** Somebody in the segment must have the gateway's address, unless a router there answers for others (proxy ARP). */
export function checkGateways({nodes, links, tunnels}: Blueprint, problems: Problems): void {
	const faulty = faultyNodes(problems);
	const segments = segmentsOf({nodes, links, tunnels});
	const owns = ownerFinder();
	for (const {name, kind, interfaces, routes} of nodes.values()) {
		const around = interfaces.map(each => segments.get(each) ?? []);
		const gateways = kind === 'host' ? routes.filter(isDefault).flatMap(({via}) => via ?? []) : [];
		for (const gateway of gateways) {
			const isKnown = around.some(segment => owns(segment, gateway) || segment.some(({node}) => faulty.has(node) || isProxy(nodes.get(node), gateway)));
			if (!isKnown && !faulty.has(name)) {
				problems.add(name, `no node in its segment has its gateway ${formatAddress(gateway)}`, 'Give a router there this address, or write gateway: \'none\'');
			}
		}
	}
}

/** Keeps what it found out about a segment, so that a thousand hosts with one gateway cost one look. */
function ownerFinder(): (segment: Segment, address: Address) => boolean {
	const known = new Map<Segment, Set<bigint>>();
	return (segment, address) => {
		const addresses = known.get(segment) ?? new Set(segment.flatMap(each => each.addresses.map(given => given.address.value)));
		known.set(segment, addresses);
		return addresses.has(address.value);
	};
}

function isProxy(node: NodePlan | undefined, {family}: Address): boolean {
	return node !== undefined && answersForOthers(node, family);
}

export function checkDuplicateRoutes({nodes}: Blueprint, problems: Problems): void {
	for (const {name, interfaces, routes} of [...nodes.values()].filter(node => node.routes.length > 0)) {
		const taken = new Map(interfaces.flatMap(each => each.addresses.map(given => [formatPrefix(networkOf(given)), `the subnet of ${each.name}`])));
		for (const route of routes) {
			const text = destination(route);
			const key = placeOf(route);
			const other = taken.get(key);
			if (other !== undefined) {
				problems.add(name, `its route to ${text} repeats ${printable(other)}`, 'Leave one of them out');
			}

			taken.set(key, 'another route');
		}
	}
}

/** Routes to one prefix may differ in their tables and their metrics. */
function placeOf({to, table, metric = defaultMetric(to)}: RoutePlan): string {
	return [formatPrefix(to), ...metric === defaultMetric(to) ? [] : [`metric ${metric}`], ...table === undefined ? [] : [`table ${table}`]].join(' ');
}

/** One mistake is told once: what follows from it is not. */
function faultyNodes({list}: Problems): ReadonlySet<string> {
	return new Set(list.map(({subject}) => subject));
}

function destination({to}: Pick<RoutePlan, 'to'>): string {
	return to.length === 0 ? `default (IPv${to.family})` : formatPrefix(to);
}
