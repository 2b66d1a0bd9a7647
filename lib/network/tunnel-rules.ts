/** What packets of tunnels meet in the nodes at their ends, worked out from a blueprint. Pure. */
import {type TunnelRules, tunnelRuleTexts} from '../link/tunnel-rules.ts';
import {approachesIn, crossingsIn} from '../topology/approaches.ts';
import type {Blueprint, TunnelEndPlan, TunnelPlan} from '../topology/blueprint.ts';
import {overheadOf} from '../topology/tunnels.ts';
import {type Address, formatAddress} from '../util/address.ts';

/** By node, of those that end tunnels whose packets name their sender in an outer header only. */
export function tunnelRulesOf(blueprint: Blueprint): Map<string, readonly string[]> {
	const tunnels = ruledIn(blueprint);
	const rules = new Map<string, Draft>();
	const approaches = tunnels.length > 0 ? approachesIn(blueprint) : undefined;
	for (const plan of tunnels) {
		const ways = approaches?.(plan);
		for (const end of plan.ends) {
			const node = blueprint.nodes.get(end.interface.node);
			const own = rules.get(end.interface.node) ?? {narrow: [], vxlan: new Map<number, Address[]>(), strays: new Map<string, Stray>()};
			rules.set(end.interface.node, own);
			if (node?.kind === 'router') {
				own.narrow.push(end.interface.name);
			}

			for (const other of plan.ends.filter(each => each !== end)) {
				const feasible = ways?.(end.interface.node, other.interface.node);
				addSender(own, plan, other, node?.interfaces.filter(each => feasible?.has(each) === false).map(({name}) => name) ?? []);
			}
		}
	}

	return new Map([...rules].map(([node, {strays, ...own}]) => [node, tunnelRuleTexts({...own, strays: [...strays.values()]})]));
}

/** All that those rules follow from, in order: while these things are the very same, so are the rules. Hosts that come to a LAN are none of it. */
export function tunnelGroundsOf(blueprint: Blueprint): readonly unknown[] {
	const tunnels = ruledIn(blueprint);
	if (tunnels.length === 0) {
		return [];
	}

	const ends = new Set(tunnels.flatMap(tunnel => tunnel.ends.map(end => end.interface.node)));
	const segments = [...new Set(crossingsIn(blueprint).values())].filter(({length}) => length > 1);
	const groups = [...Array.from(ends, name => blueprint.nodes.get(name)?.interfaces ?? []), ...segments];
	return [...tunnels, ...groups.flatMap(group => [group.length, ...group])];
}

function ruledIn({tunnels}: Blueprint): TunnelPlan[] {
	return tunnels.filter(each => overheadOf(each) > 0);
}

type Draft = {
	readonly narrow: string[];
	readonly vxlan: Map<number, Address[]>;
	/** By what tells their packets: several tunnels may have the same ends. */
	readonly strays: Map<string, Stray>;
};

type Stray = TunnelRules['strays'][number];

function addSender({vxlan, strays}: Draft, plan: TunnelPlan, {endpoint}: TunnelEndPlan, interfaces: readonly string[]): void {
	const port = plan.via === 'vxlan' ? plan.port : undefined;
	if (port !== undefined) {
		const senders = vxlan.get(port) ?? [];
		senders.push(endpoint);
		vxlan.set(port, senders);
	}

	const key = `${port ?? 'gre'} ${formatAddress(endpoint)}`;
	const others = strays.get(key)?.interfaces;
	// Of two tunnels between the same nodes each may carry the other.
	strays.set(key, {port, sender: endpoint, interfaces: others ? interfaces.filter(name => others.includes(name)) : interfaces});
}
