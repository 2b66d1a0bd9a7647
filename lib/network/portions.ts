/** Cuts a network into portions, so that Open vSwitch can take over the switches of one while the next is being made. */
import type {Blueprint, LinkPlan, NodePlan} from '../topology/blueprint.ts';

/** What is made in one go. */
export class Portion {
	readonly switches: NodePlan[] = [];
	/** Hosts and routers. */
	readonly stations: NodePlan[] = [];
	/** All links of the switches that no earlier portion has. */
	readonly links: LinkPlan[] = [];
}

/** Links that are worth a transaction of their own: Open vSwitch needs some 2 ms for each port. */
const linksPerPortion = 64;

export function isSwitching({kind}: {readonly kind: string}): boolean {
	return kind === 'switch' || kind === 'bridge';
}

/** Each portion has some switches, their links, and the stations at the other ends; the last one also what is linked to no switch. */
export function portionsOf({nodes, links}: Blueprint): Portion[] {
	const linksOf = linksByNode(links);
	const left = {stations: new Set([...nodes.values()].filter(node => !isSwitching(node))), links: new Set(links)};
	let portion = new Portion();
	const portions = [portion];
	for (const node of [...nodes.values()].filter(isSwitching)) {
		if (portion.links.length >= linksPerPortion) {
			portion = new Portion();
			portions.push(portion);
		}

		portion.switches.push(node);
		for (const link of linksOf.get(node.name) ?? []) {
			take(link);
		}
	}

	for (const link of left.links) {
		take(link);
	}

	portion.stations.push(...left.stations);
	return portions;

	function take(link: LinkPlan): void {
		if (left.links.delete(link)) {
			portion.links.push(link);
			portion.stations.push(...link.ends.flatMap(end => nodes.get(end.node) ?? []).filter(node => left.stations.delete(node)));
		}
	}
}

function linksByNode(links: readonly LinkPlan[]): Map<string, LinkPlan[]> {
	const byNode = new Map<string, LinkPlan[]>();
	for (const link of links) {
		for (const {node} of link.ends) {
			const known = byNode.get(node) ?? [];
			known.push(link);
			byNode.set(node, known);
		}
	}

	return byNode;
}
