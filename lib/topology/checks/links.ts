/** Checks of links: that both ends are there, and that switches and bridges form no loop that lasts. */
import {printable, sortNames} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import type {Blueprint, NodePlan} from '../blueprint.ts';
import {type Edge, loops} from '../loops.ts';
import {type Graph, isStation} from '../specs.ts';

/** Ports of a Linux bridge: BR_MAX_PORTS (1024) of net/bridge/br_private.h, of which number 0 is none. */
const bridgePortLimit = 1023;

export function checkLinkEnds({links}: Graph, problems: Problems): void {
	for (const {ends: [a, b]} of links) {
		for (const end of [a, b]) {
			if (end.foreign !== undefined) {
				const other = end === a ? b : a;
				problems.add(printable(other.node), `it is linked to "${printable(end.node)}", a node of another topology (${end.foreign})`, 'Link nodes that this topology added');
			}
		}

		if (a.node === b.node && a.foreign === b.foreign) {
			problems.add(printable(a.node), 'it is linked to itself', 'Link two nodes');
		}
	}
}

export function checkPortOwners({nodes, links}: Graph, problems: Problems): void {
	const stations = new Map(nodes.filter(isStation).map(({name, kind}) => [name, kind]));
	for (const {node, options: {port}} of links.flatMap(link => link.ends)) {
		const kind = stations.get(node);
		if (kind !== undefined && port !== undefined) {
			problems.add(printable(node), `port ${port} is given, but the interfaces of a ${kind} have no port numbers`, 'Leave out port, or name the interface');
		}
	}
}

export function checkBridgeSizes({nodes}: Blueprint, problems: Problems): void {
	for (const {name, kind, interfaces} of nodes.values()) {
		if (kind === 'bridge' && interfaces.length > bridgePortLimit) {
			problems.add(name, `it has ${interfaces.length} ports, and a Linux bridge takes ${bridgePortLimit}`, 'Use addSwitch(), or several bridges');
		}
	}
}

export function checkLoops({nodes, links}: Blueprint, problems: Problems): void {
	const edges = links.map(({ends: [a, b]}): Edge => [a.node, b.node]).filter(edge => edge.every(name => isForwarder(nodes.get(name))));
	for (const loop of loops(edges)) {
		const members = sortNames(loop);
		const without = members.filter(name => !runsStp(nodes.get(name)));
		if (without.length > 0) {
			problems.add(members.join(' - '), `these form a loop, in which frames circle for ever, and ${listed(without)} without stp`, 'Give each of them {stp: true}, or take a link away');
		}
	}
}

function isForwarder(node: NodePlan | undefined): boolean {
	return node?.kind === 'switch' || node?.kind === 'bridge';
}

function runsStp(node: NodePlan | undefined): boolean {
	return (node?.kind === 'switch' || node?.kind === 'bridge') && node.options.stp === true;
}

function listed(names: readonly string[]): string {
	return names.length === 1 ? `${names.join()} is` : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''} are`;
}
