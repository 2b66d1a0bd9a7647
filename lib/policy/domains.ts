/** What perimeter firewalls part: the domains of a network, and the segments inside which no router stands. */
import type {Blueprint, InterfacePlan, NodePlan} from '../topology/blueprint.ts';
import {DisjointSets} from '../topology/disjoint-sets.ts';
import {compareAddresses, formatPrefix, networkOf} from '../util/address.ts';
import type {Address, Prefix} from '../util/address.ts';
import type {Domain} from './inventory.ts';

/** Where an interface belongs: equal for interfaces of the same component. */
type ComponentOf = (plan: InterfacePlan) => string;

/**
The domains, numbered from 1 in the order of the file. Hosts do not forward, so a host with two interfaces joins nothing;
a perimeter router's interface belongs to the domain on its side.
*/
export function domainsOf(blueprint: Blueprint): Domain[] {
	const componentOf = components(blueprint, node => node.kind !== 'host' && !isPerimeter(node));
	const members = new Map<string, InterfacePlan[]>();
	for (const plan of interfacesOf(blueprint).filter(({addresses}) => addresses.length > 0)) {
		const component = componentOf(plan);
		const plans = members.get(component) ?? [];
		plans.push(plan);
		members.set(component, plans);
	}

	return [...members.values()].map((plans, index) => ({
		id: index + 1,
		subnets: subnetsOf(plans),
		perimeter: plans.some(({node}) => isPerimeter(blueprint.nodes.get(node))),
	}));
}

/** Parts the network at every router: interfaces of one segment reach each other through switches and bridges alone. */
export function segmentsOf(blueprint: Blueprint): ComponentOf {
	return components(blueprint, ({kind}) => kind === 'switch' || kind === 'bridge');
}

export function isPerimeter(node: NodePlan | undefined): boolean {
	return node?.kind === 'router' && node.options.perimeter === true;
}

/** Whether the address is valid on its own link only (fe80::/10, RFC 4291), so that it never passes a router. */
export function isLinkLocal({family, value}: Address): boolean {
	return family === 6 && value >> 118n === 0xFE80n >> 6n;
}

/** Links join their two ends; a node joins its interfaces when it passes packets on. */
function components({nodes, links}: Blueprint, joins: (node: NodePlan) => boolean): ComponentOf {
	const sets = new DisjointSets();
	const vertexOf = (plan: InterfacePlan): string => {
		const node = nodes.get(plan.node);
		return node && joins(node) ? plan.node : `${plan.node}/${plan.name}`;
	};

	for (const {ends: [a, b]} of links) {
		sets.join(vertexOf(a), vertexOf(b));
	}

	return plan => sets.find(vertexOf(plan));
}

function interfacesOf({nodes}: Blueprint): InterfacePlan[] {
	return [...nodes.values()].flatMap(({interfaces}) => interfaces);
}

/** The subnets of the interfaces, each once, sorted; link-local ones exist on every link and tell nothing. */
function subnetsOf(interfaces: readonly InterfacePlan[]): Prefix[] {
	const subnets = interfaces
		.flatMap(({addresses}) => addresses)
		.filter(({address}) => !isLinkLocal(address))
		.map(networkOf);
	return [...new Map(subnets.map(subnet => [formatPrefix(subnet), subnet])).values()]
		.sort((a, b) => compareAddresses(a, b) || a.length - b.length);
}
