/** A policy as data: groups, address sets and ordered rules. A policy is never changed; every edit returns a new one. */
import type {Address, Prefix} from '../util/address.ts';
import type {Isolation} from '../topology/specs.ts';

export type Action = 'allow' | 'deny';

/** One side of a rule, as the user named it. */
export type Peer =
	| {readonly kind: 'any'}
	| {readonly kind: 'group'; readonly name: string}
	| {readonly kind: 'ipg'; readonly name: string}
	| {readonly kind: 'node'; readonly name: string}
	| {readonly kind: 'prefix'; readonly prefix: Prefix};

export type Rule = {
	/** Stable, never reused within a lab. */
	readonly id: number;
	readonly action: Action;
	readonly from: Peer;
	readonly to: Peer;
};

/** A member of an address set as the user wrote it: an address, a prefix or a range, perhaps excluded by `!`. */
export type IpgMember = {
	readonly excluded: boolean;
	readonly first: Address;
	readonly last: Address;
	/** Normal form, such as `10.1.0.0/16`, `!10.1.2.3`, `10.0.0.1-10.0.0.9`. */
	readonly text: string;
};

export type Policy = {
	/** Group name to the names of its member hosts. */
	readonly groups: ReadonlyMap<string, ReadonlySet<string>>;
	readonly ipgs: ReadonlyMap<string, readonly IpgMember[]>;
	/** In evaluation order: first match wins. */
	readonly rules: readonly Rule[];
	/** The id the next rule gets. */
	readonly nextId: number;
	readonly isolation: Isolation;
};

export function emptyPolicy(isolation: Isolation): Policy {
	return {groups: new Map(), ipgs: new Map(), rules: [], nextId: 1, isolation};
}
