/** Sorts every address the policy knows into classes: which sets it is in, in which domain it lies, whether it is bound or a router's. */
import {compareAddresses, lastOf} from '../util/address.ts';
import type {Prefix} from '../util/address.ts';
import type {SharedPlan} from '../policy/filter-rule.ts';
import {wordsOf} from './pipeline.ts';
import type {Side} from './pipeline.ts';

export type AddressClass = {
	/** Register words: bit n stands for the set with number n. */
	readonly words: readonly number[];
	/** Undefined outside of all domains. */
	readonly domain: number | undefined;
	readonly bound: boolean;
	readonly router: boolean;
};

export type ClassifiedPrefix = {readonly prefix: Prefix; readonly class: AddressClass};

/** Numbers of the sets that rules name. */
export type SetNumbers = ReadonlyMap<string, number>;

type Entry = {readonly prefix: Prefix; readonly belongs: Partial<AddressClass>};

export const nowhere: AddressClass = {words: [], domain: undefined, bound: false, router: false};

/**
One entry for each distinct prefix whose class differs from that of the prefix around it, wider ones before those inside.
The class of an address is that of the longest prefix that holds it, and `nowhere` when none does. That a source is bound,
or a router's, changes no verdict, so only destinations are told apart by it.
*/
export function classify(side: Side, shared: SharedPlan, numbers: SetNumbers): ClassifiedPrefix[] {
	const classified: ClassifiedPrefix[] = [];
	const around: ClassifiedPrefix[] = [];
	for (const {prefix, belongs} of joinEqual(entriesOf(side, shared, numbers))) {
		while (around.length > 0 && !holds(around.at(-1), prefix)) {
			around.pop();
		}

		const outer = around.at(-1)?.class ?? nowhere;
		const inner = {prefix, class: join(outer, belongs)};
		if (!sameClass(outer, inner.class)) {
			around.push(inner);
			classified.push(inner);
		}
	}

	return classified;
}

function entriesOf(side: Side, shared: SharedPlan, numbers: SetNumbers): Entry[] {
	const entries: Entry[] = [];
	const add = (prefixes: readonly Prefix[], belongs: Partial<AddressClass>) => {
		for (const prefix of prefixes) {
			entries.push({prefix, belongs});
		}
	};

	for (const {id, subnets} of shared.domains) {
		add(subnets, {domain: id});
	}

	for (const {name, prefixes} of shared.sets.values()) {
		const number = numbers.get(name);
		add(prefixes, {words: number === undefined ? [] : wordsOf([number])});
	}

	if (side === 'destination') {
		add(shared.bound.prefixes, {bound: true});
		add(shared.routers.prefixes, {router: true});
	}

	return entries.sort((a, b) => compareAddresses(a.prefix, b.prefix) || a.prefix.length - b.prefix.length);
}

/** @param entries sorted, so that equal prefixes are neighbours */
function joinEqual(entries: readonly Entry[]): Entry[] {
	const joined: Entry[] = [];
	for (const entry of entries) {
		const last = joined.at(-1);
		if (last?.prefix.value === entry.prefix.value && last.prefix.length === entry.prefix.length && last.prefix.family === entry.prefix.family) {
			joined[joined.length - 1] = {prefix: entry.prefix, belongs: join({...nowhere, ...last.belongs}, entry.belongs)};
		} else {
			joined.push(entry);
		}
	}

	return joined;
}

function join(outer: AddressClass, inner: Partial<AddressClass>): AddressClass {
	return {
		words: inner.words ? orWords(outer.words, inner.words) : outer.words,
		domain: inner.domain ?? outer.domain,
		bound: outer.bound || (inner.bound ?? false),
		router: outer.router || (inner.router ?? false),
	};
}

function orWords(a: readonly number[], b: readonly number[]): number[] {
	return Array.from({length: Math.max(a.length, b.length)}, (_, index) => ((a[index] ?? 0) | (b[index] ?? 0)) >>> 0);
}

function sameClass(a: AddressClass, b: AddressClass): boolean {
	return a.domain === b.domain && a.bound === b.bound && a.router === b.router
		&& a.words.length === b.words.length && a.words.every((word, index) => word === b.words[index]);
}

function holds(outer: ClassifiedPrefix | undefined, inner: Prefix): boolean {
	return outer?.prefix.family === inner.family && lastOf(outer.prefix) >= inner.value;
}
