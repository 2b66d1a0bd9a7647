/** What the passes hand on to each other: a draft that every pass completes by its part. */
import type {AddressSet, FilterRule, GuardedPort} from '../filter-rule.ts';
import type {Inventory} from '../inventory.ts';
import type {Policy} from '../model.ts';
import type {Bound} from './bind-hosts.ts';
import type {Memo} from './memo.ts';

export type Draft = {
	readonly policy: Policy;
	readonly inventory: Inventory;
	readonly memo: Memo;
	readonly bound: Bound;
	/** Sets that rules name, by name. */
	readonly sets: ReadonlyMap<string, AddressSet>;
	/** Rules in evaluation order. */
	readonly rules: readonly FilterRule[];
	/** The rules of each device, in evaluation order. */
	readonly rulesOf: ReadonlyMap<string, readonly FilterRule[]>;
	/** The host ports of each switch, by port number. */
	readonly guardedOf: ReadonlyMap<string, readonly GuardedPort[]>;
};

export type Pass = (draft: Draft) => Draft;
