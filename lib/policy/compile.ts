/** The compiler: from a policy and an inventory to one plan for each enforcement point, by an ordered table of small passes. */
import type {AddressSet, Compiled, DevicePlan, FilterRule, SharedPlan} from './filter-rule.ts';
import type {DeviceEntry, Inventory} from './inventory.ts';
import type {Policy} from './model.ts';
import {addressSet} from './passes/address-set.ts';
import {dropImpossible} from './passes/drop-impossible.ts';
import type {Draft, Pass} from './passes/draft.ts';
import {guardPorts} from './passes/guard-ports.ts';
import {memoOf, remember} from './passes/memo.ts';
import {nameSets} from './passes/name-sets.ts';
import {resolveRules} from './passes/resolve-rules.ts';
import {splitByDevice} from './passes/split-by-device.ts';

/** In this order; each file says what its pass adds to the draft. */
const passes: readonly Pass[] = [
	nameSets,
	resolveRules,
	dropImpossible,
	splitByDevice,
	guardPorts,
];

/**
Compiles a policy for every device of the inventory. Equal input gives an equal result, and what did not change since an earlier
compilation for the same inventory (a set, a filter rule, a guarded port) is the very same object, so that drivers may compare by identity.
*/
export function compile(policy: Policy, inventory: Inventory): Compiled {
	const draft = passes.reduce<Draft>((state, pass) => pass(state), {
		policy,
		inventory,
		memo: memoOf(inventory),
		sets: new Map(),
		rules: [],
		rulesOf: new Map(),
		guardedOf: new Map(),
	});
	const shared = sharedPlan(draft);
	return {shared, devices: new Map([...inventory.devices.values()].map(device => [device.name, devicePlan(device, draft, shared)]))};
}

function devicePlan({name, kind, zone, ports}: DeviceEntry, draft: Draft, shared: SharedPlan): DevicePlan {
	return {device: name, kind, zone, shared, rules: draft.rulesOf.get(name) ?? [], guarded: draft.guardedOf.get(name) ?? [], ports};
}

function sharedPlan({policy, inventory, memo, sets, rules, rulesOf}: Draft): SharedPlan {
	const used = new Set([...rulesOf.values()].flat());
	return {
		isolation: policy.isolation,
		order: rules.filter(rule => used.has(rule)).map(({id}) => id),
		sets: usedSets(sets, used),
		bound: remember(memo.bound, policy.groups, () => boundSet(policy, inventory)),
		routers: remember(memo.routers, inventory, () => addressSet('routers', [...inventory.routers.values()].flatMap(({addresses}) => addresses))),
		routerMacs: remember(memo.routerMacs, inventory, () => [...inventory.routers.values()].flatMap(({macs}) => macs)),
		broadcasts: inventory.broadcasts,
		domains: inventory.domains,
	};
}

function boundSet({groups}: Policy, {hosts}: Inventory): AddressSet {
	const bound = new Set([...groups.values()].flatMap(members => [...members]));
	return addressSet('bound', [...bound].flatMap(host => hosts.get(host)?.addresses ?? []));
}

function usedSets(sets: ReadonlyMap<string, AddressSet>, rules: ReadonlySet<FilterRule>): Map<string, AddressSet> {
	const used = new Set([...rules].flatMap(({from, to}) => [from, to].flatMap(side => side.kind === 'set' ? side.set : [])));
	return new Map([...sets].filter(([name]) => used.has(name)));
}
