/** What the compiler remembers of earlier compilations for one inventory: the results of parts that the next policy has unchanged. */
import type {Family, Prefix} from '../../util/address.ts';
import type {AddressSet, DevicePlan, FilterRule, GuardedPort, SharedPlan} from '../filter-rule.ts';
import type {DeviceEntry, Inventory} from '../inventory.ts';
import type {IpgMember, Peer, Policy, Rule, ServicePorts} from '../model.ts';
import type {Bound} from './bind-hosts.ts';
import type {HostAddress} from './host-addresses.ts';
import type {Namesakes} from './name-sets.ts';
import type {PerRule} from './per-rule.ts';
import type {Owners, Place} from './places.ts';
import type {Side} from './sides.ts';
import type {Spread} from './split-by-device.ts';

/**
A policy is never changed, so the identity of a part stands for its value. What depends on several parts is remembered
together with them. The memo belongs to one inventory; entries by inventory or device hold the latest result.
*/
export type Memo = {
	readonly hostAddresses: WeakMap<Inventory, readonly HostAddress[]>;
	readonly hostFamilies: WeakMap<Inventory, readonly Family[]>;
	readonly sides: WeakMap<Peer, Side>;
	readonly named: WeakMap<Policy['rules'], ReadonlyMap<string, Namesakes>>;
	/** By the members of a group or an IPG. */
	readonly sets: WeakMap<ReadonlySet<string> | readonly IpgMember[], AddressSet>;
	readonly latestSets: WeakMap<Inventory, ReadonlyMap<string, AddressSet>>;
	/** Sets of lists and of what a `not` stands before, with the members of all that they name. */
	readonly derived: WeakMap<Peer, {readonly members: readonly unknown[]; readonly set: AddressSet}>;
	/** With the ports of the services that they name. */
	readonly rules: WeakMap<Rule, {readonly ports: ReadonlyArray<readonly ServicePorts[] | undefined>; readonly rule: FilterRule}>;
	readonly resolved: WeakMap<Inventory, Pick<Policy, 'rules' | 'services'> & {readonly results: readonly FilterRule[]}>;
	/** Whether a packet can match. */
	readonly possible: WeakMap<Inventory, PerRule<boolean>>;
	readonly possibleRules: WeakMap<Inventory, readonly FilterRule[]>;
	/** Families of which the prefixes hold any address. */
	readonly families: WeakMap<readonly Prefix[], readonly Family[]>;
	/** Families of which they do not hold every address. */
	readonly familiesBeside: WeakMap<readonly Prefix[], readonly Family[]>;
	readonly bound: WeakMap<Policy['groups'], Bound>;
	readonly latestBound: WeakMap<Inventory, Bound>;
	readonly routers: WeakMap<Inventory, Pick<SharedPlan, 'routers' | 'routerMacs'>>;
	readonly owners: WeakMap<Inventory, Owners>;
	readonly places: WeakMap<readonly Prefix[], Place>;
	/** In the order of devices. */
	readonly spreads: WeakMap<Place, readonly Spread[]>;
	/** By the two places: indexes of the devices between them. */
	readonly between: WeakMap<Place, WeakMap<Place, readonly number[]>>;
	/** Indexes of the devices that need the rule. */
	readonly devices: WeakMap<Inventory, PerRule<readonly number[]>>;
	readonly rulesOf: WeakMap<DeviceEntry, readonly FilterRule[]>;
	readonly guarded: WeakMap<object, GuardedPort>;
	readonly guardedOf: WeakMap<DeviceEntry, readonly GuardedPort[]>;
	readonly shared: WeakMap<Inventory, SharedPlan>;
	readonly plans: WeakMap<DeviceEntry, DevicePlan>;
};

const memos = new WeakMap<Inventory, Memo>();

export function memoOf(inventory: Inventory): Memo {
	return remember(memos, inventory, () => ({
		hostAddresses: new WeakMap(),
		hostFamilies: new WeakMap(),
		sides: new WeakMap(),
		named: new WeakMap(),
		sets: new WeakMap(),
		latestSets: new WeakMap(),
		derived: new WeakMap(),
		rules: new WeakMap(),
		resolved: new WeakMap(),
		possible: new WeakMap(),
		possibleRules: new WeakMap(),
		families: new WeakMap(),
		familiesBeside: new WeakMap(),
		bound: new WeakMap(),
		latestBound: new WeakMap(),
		routers: new WeakMap(),
		owners: new WeakMap(),
		places: new WeakMap(),
		spreads: new WeakMap(),
		between: new WeakMap(),
		devices: new WeakMap(),
		rulesOf: new WeakMap(),
		guarded: new WeakMap(),
		guardedOf: new WeakMap(),
		shared: new WeakMap(),
		plans: new WeakMap(),
	}));
}

/**
The remembered value of the key, made when there is none.

@param holds whether the remembered value still is the right one
*/
export function remember<Key extends WeakKey, Value>(memo: WeakMap<Key, Value>, key: Key, make: () => Value, holds: (value: Value) => boolean = () => true): Value {
	const known = memo.get(key);
	if (known !== undefined && holds(known)) {
		return known;
	}

	const made = make();
	memo.set(key, made);
	return made;
}

/** The same for what two things make together. */
export function rememberPair<One extends WeakKey, Other extends WeakKey, Value>(memo: WeakMap<One, WeakMap<Other, Value>>, one: One, other: Other, make: () => Value): Value {
	return remember(remember(memo, one, () => new WeakMap<Other, Value>()), other, make);
}

/** The remembered list when it has the very same elements as the next one. */
export function rememberList<Key extends WeakKey, Item>(memo: WeakMap<Key, readonly Item[]>, key: Key, next: readonly Item[]): readonly Item[] {
	return remember(memo, key, () => next, known => sameItems(known, next));
}

/** Whether both lists have the very same elements in the same order. */
export function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
	return a.length === b.length && a.every((item, index) => item === b[index]);
}
