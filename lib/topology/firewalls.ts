/** Which firewall a node has: the names of the drivers, by the kind of node they are for. */
import {InputError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import type {Blueprint, NodePlan} from './blueprint.ts';
import type {NodeKind} from './specs.ts';

/** Of a switch and a perimeter router the first is the one that it has when nobody chooses; a bridge then has none. */
export const firewalls = {
	switch: ['openflow', 'sg', 'fwaas', 'both'],
	router: ['iptables-perimeter', 'nftables-perimeter'],
	bridge: ['nftables-bridge'],
	host: [],
} as const satisfies Readonly<Record<NodeKind, readonly string[]>>;

export type FirewallName = (typeof firewalls)[NodeKind][number];

export const firewallNames: readonly FirewallName[] = Object.values(firewalls).flat();

/** @throws InputError `unknown-firewall` */
export function firewallNamed(name: string): FirewallName {
	const known = firewallNames.find(each => each === name);
	if (known === undefined) {
		const {nearest, hint} = nearestTo(name, firewallNames);
		throw new InputError('unknown-firewall', `There is no firewall driver "${printable(name)}".${hint} Drivers: ${firewallNames.join(', ')}.`, {expected: firewallNames, nearest});
	}

	return known;
}

export function fits(name: FirewallName, node: NodePlan): boolean {
	return (firewalls[node.kind] as readonly FirewallName[]).includes(name) && (node.kind !== 'router' || node.options.perimeter === true);
}

/** The firewall of a node; undefined for one that enforces nothing. */
export function firewallOf(node: NodePlan): FirewallName | undefined {
	switch (node.kind) {
		case 'switch':
			return node.options.firewall ?? firewalls.switch[0];
		case 'router':
			return node.options.perimeter === true ? node.options.firewall ?? firewalls.router[0] : undefined;
		case 'bridge':
			return node.options.firewall;
		case 'host':
			return undefined;
	}
}

/** The blueprint with these firewalls on all nodes that they fit, whatever the topology says; of several for a kind of node the last. */
export function withFirewalls(blueprint: Blueprint, names: readonly FirewallName[]): Blueprint {
	const chosen = (node: NodePlan): NodePlan => {
		const firewall = names.findLast(name => fits(name, node));
		return firewall === undefined ? node : {...node, options: {...node.options, firewall}} as NodePlan;
	};

	return names.length === 0 ? blueprint : {...blueprint, nodes: new Map([...blueprint.nodes].map(([name, node]) => [name, chosen(node)]))};
}

/** What a node must be to have a firewall, as messages say it. */
const placesOf: Readonly<Record<NodeKind, string>> = {
	switch: 'switches of Open vSwitch (addSwitch)',
	router: 'routers with perimeter: true (addRouter)',
	bridge: 'Linux bridges (addBridge)',
	host: '',
};

/** For who names firewalls that must secure something. @throws InputError `unfit-firewall` when one fits no node */
export function refuseUnfitFirewalls({nodes}: Blueprint, names: readonly FirewallName[]): void {
	const fitting = (name: FirewallName) => [...nodes.values()].some(node => fits(name, node));
	const unfit = names.find(name => !fitting(name));
	if (unfit !== undefined) {
		const others = firewallNames.filter(fitting);
		throw new InputError('unfit-firewall', `The firewall driver ${unfit} is for ${placesOf[firewallKind(unfit)]}, and this topology has none. ${others.length > 0 ? `Drivers that fit its nodes: ${others.join(', ')}.` : 'No driver fits any of its nodes.'}`, {expected: others});
	}
}

/** The kind of node that a firewall is for. */
export function firewallKind(name: FirewallName): NodeKind {
	const kinds = Object.keys(firewalls) as NodeKind[];
	return kinds.find(kind => (firewalls[kind] as readonly FirewallName[]).includes(name)) ?? 'host';
}
