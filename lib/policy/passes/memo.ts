/** What the compiler remembers of earlier compilations for one inventory: the results of parts that the next policy has unchanged. */
import type {Mac, Prefix} from '../../util/address.ts';
import type {AddressSet, FilterRule, GuardedPort} from '../filter-rule.ts';
import type {DeviceEntry, Inventory} from '../inventory.ts';
import type {IpgMember, Policy, Rule} from '../model.ts';
import type {Owners, Place} from './places.ts';
import type {Spread} from './split-by-device.ts';

/** A policy is never changed, so the identity of a part stands for its value. */
export type Memo = {
	/** By the members of a group or an IPG. */
	readonly sets: WeakMap<ReadonlySet<string> | readonly IpgMember[], AddressSet>;
	readonly rules: WeakMap<Rule, FilterRule>;
	readonly bound: WeakMap<Policy['groups'], AddressSet>;
	readonly routers: WeakMap<Inventory, AddressSet>;
	readonly routerMacs: WeakMap<Inventory, readonly Mac[]>;
	readonly owners: WeakMap<Inventory, Owners>;
	readonly places: WeakMap<readonly Prefix[], Place>;
	readonly spreads: WeakMap<DeviceEntry, WeakMap<Place, Spread>>;
	readonly guarded: WeakMap<object, GuardedPort>;
};

const memos = new WeakMap<Inventory, Memo>();

export function memoOf(inventory: Inventory): Memo {
	return remember(memos, inventory, () => ({
		sets: new WeakMap(),
		rules: new WeakMap(),
		bound: new WeakMap(),
		routers: new WeakMap(),
		routerMacs: new WeakMap(),
		owners: new WeakMap(),
		places: new WeakMap(),
		spreads: new WeakMap(),
		guarded: new WeakMap(),
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
