/** The compiler: from a policy and an inventory to one plan for each enforcement point, by an ordered table of small passes. */
import type {AddressSet, Compiled, DevicePlan, FilterRule, SharedPlan} from './filter-rule.ts';
import type {DeviceEntry, Inventory} from './inventory.ts';
import type {Policy} from './model.ts';
import {bindHosts} from './passes/bind-hosts.ts';
import {dropImpossible} from './passes/drop-impossible.ts';
import type {Draft, Pass} from './passes/draft.ts';
import {guardPorts} from './passes/guard-ports.ts';
import {memoOf, remember} from './passes/memo.ts';
import {nameSets} from './passes/name-sets.ts';
import {resolveRules} from './passes/resolve-rules.ts';
import {splitByDevice} from './passes/split-by-device.ts';
import {singlePrefixes} from './prefix-set.ts';

/** In this order; each file says what its pass adds to the draft. */
const passes: readonly Pass[] = [
	bindHosts,
	nameSets,
	resolveRules,
	dropImpossible,
	splitByDevice,
	guardPorts,
];

/**
Compiles a policy for every device of the inventory. Equal input gives an equal result, and what did not change since the
last compilation for the same inventory (a set, a filter rule, a guarded port, a list of them, all that devices share, a whole plan) is the very
same object, so that drivers may compare by identity.
*/
export function compile(policy: Policy, inventory: Inventory): Compiled {
	const draft = passes.reduce<Draft>((state, pass) => pass(state), {
		policy,
		inventory,
		memo: memoOf(inventory),
		bound: {hosts: new Set(), set: {name: 'bound', prefixes: []}},
		sets: new Map(),
		rules: [],
		rulesOf: new Map(),
		guardedOf: new Map(),
	});
	const shared = sharedPlan(draft);
	return {shared, devices: new Map([...inventory.devices.values()].map(device => [device.name, devicePlan(device, draft, shared)]))};
}

function devicePlan(device: DeviceEntry, {memo, rulesOf, guardedOf}: Draft, shared: SharedPlan): DevicePlan {
	const {name, kind, zone, ports} = device;
	const [rules, guarded] = [rulesOf.get(name) ?? [], guardedOf.get(name) ?? []];
	return remember(memo.plans, device, () => ({device: name, kind, zone, shared, rules, guarded, ports}), known =>
		known.shared === shared && known.rules === rules && known.guarded === guarded);
}

function sharedPlan({policy, inventory, memo, bound, sets, rules}: Draft): SharedPlan {
	const {isolation} = policy;
	const used = usedSets(sets, rules);
	const order = rules.map(({id}) => id);
	return remember(memo.shared, inventory, () => ({
		isolation,
		order,
		sets: used,
		bound: bound.set,
		...remember(memo.routers, inventory, () => routersOf(inventory)),
		broadcasts: inventory.broadcasts,
		domains: inventory.domains,
	}), known => known.isolation === isolation && known.bound === bound.set && sameSets(known.sets, used) && isSameOrder(known.order, order));
}

function routersOf({routers}: Inventory): Pick<SharedPlan, 'routers' | 'routerMacs'> {
	const all = [...routers.values()];
	return {
		routers: {name: 'routers', prefixes: singlePrefixes(all.flatMap(({addresses}) => addresses))},
		routerMacs: all.flatMap(({macs}) => macs),
	};
}

function isSameOrder(a: readonly number[], b: readonly number[]): boolean {
	return a.length === b.length && a.every((id, index) => id === b[index]);
}

/** In whatever order: rules that change places need no other sets. */
function sameSets(a: SharedPlan['sets'], b: SharedPlan['sets']): boolean {
	return a.size === b.size && [...a].every(([name, set]) => b.get(name) === set);
}

function usedSets(sets: ReadonlyMap<string, AddressSet>, rules: readonly FilterRule[]): Map<string, AddressSet> {
	const used = new Set<string>();
	for (const {from, to} of rules) {
		for (const side of [from, to]) {
			if (side.kind === 'set') {
				used.add(side.set);
			}
		}
	}

	return new Map([...sets].filter(([name]) => used.has(name)));
}
