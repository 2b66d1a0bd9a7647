/** What perimeter firewalls part: the domains of a network. */
import type {Blueprint, InterfacePlan, NodePlan} from '../topology/blueprint.ts';
import {DisjointSets} from '../topology/disjoint-sets.ts';
import {wiresOf} from '../topology/wires.ts';
import {compareAddresses, formatPrefix, isLinkLocal, networkOf} from '../util/address.ts';
import {disjoint} from './disjoint.ts';
import type {Territory} from './disjoint.ts';
import type {Domain} from './inventory.ts';

/** Where an interface belongs: equal for interfaces of the same component. */
type ComponentOf = (plan: InterfacePlan) => string;

/**
The domains, numbered from 1 in the order of the file; an address lies in one of them at most. Hosts do not forward, so a host with two
interfaces joins nothing; a perimeter router's interface belongs to the domain on its side.
*/
export function domainsOf(blueprint: Blueprint): Domain[] {
	const componentOf = components(blueprint, node => node.kind !== 'host' && !isPerimeter(node));
	const members = new Map<string, InterfacePlan[]>();
	for (const plan of interfacesOf(blueprint)) {
		const component = componentOf(plan);
		const plans = members.get(component) ?? [];
		plans.push(plan);
		members.set(component, plans);
	}

	const sides = [...members.values()].filter(plans => plans.some(({addresses}) => addresses.length > 0));
	const subnets = disjoint(sides.map(territoryOf));
	return sides.map((plans, index) => ({
		id: index + 1,
		subnets: subnets[index] ?? [],
		perimeter: plans.some(({node}) => isPerimeter(blueprint.nodes.get(node))),
	}));
}

export function isPerimeter(node: NodePlan | undefined): boolean {
	return node?.kind === 'router' && node.options.perimeter === true;
}

/** Links and tunnels join their ends; a node joins its interfaces when it passes packets on. */
function components(blueprint: Blueprint, joins: (node: NodePlan) => boolean): ComponentOf {
	const sets = new DisjointSets();
	const vertexOf = (plan: InterfacePlan): string => {
		const node = blueprint.nodes.get(plan.node);
		return node && joins(node) ? plan.node : `${plan.node}/${plan.name}`;
	};

	for (const [a, b] of wiresOf(blueprint)) {
		sets.join(vertexOf(a), vertexOf(b));
	}

	return plan => sets.find(vertexOf(plan));
}

function interfacesOf({nodes}: Blueprint): InterfacePlan[] {
	return [...nodes.values()].flatMap(({interfaces}) => interfaces);
}

/** The subnets of the interfaces, each once, sorted; link-local ones exist on every link and tell nothing. */
function territoryOf(interfaces: readonly InterfacePlan[]): Territory {
	const given = interfaces.flatMap(({addresses}) => addresses).filter(({address}) => !isLinkLocal(address));
	return {
		subnets: [...new Map(given.map(networkOf).map(subnet => [formatPrefix(subnet), subnet])).values()].sort((a, b) => compareAddresses(a, b) || a.length - b.length),
		addresses: given.map(({address}) => address),
	};
}
