/** Where two lists differ, by the identity of their items: one span of each, before and after which both are the same. */

export type ChangedSpan = {
	/** Index of the first item that is not the very same. */
	readonly first: number;
	/** Index behind the span in the list before. */
	readonly endBefore: number;
	/** Index behind the span in the list after. */
	readonly endAfter: number;
};

/** The shortest span. An item more or less makes one of that item; a walk of identities costs next to nothing, a look into a map for each item does not. */
export function changedSpan(before: readonly unknown[], after: readonly unknown[]): ChangedSpan {
	const shorter = before === after ? before.length : Math.min(before.length, after.length);
	let first = before === after ? shorter : 0;
	while (first < shorter && before[first] === after[first]) {
		first++;
	}

	let same = 0;
	while (same < shorter - first && before[before.length - 1 - same] === after[after.length - 1 - same]) {
		same++;
	}

	return {first, endBefore: before.length - same, endAfter: after.length - same};
}

/** One result for each item after: those before, with the span made anew. The very same list when nothing differs. @param results one for each item before */
export function updateSpan<Item, Result>(before: readonly Item[], after: readonly Item[], results: readonly Result[], make: (item: Item) => Result): readonly Result[] {
	const {first, endBefore, endAfter} = changedSpan(before, after);
	return first === endBefore && first === endAfter
		? results
		: [...results.slice(0, first), ...after.slice(first, endAfter).map(item => make(item)), ...results.slice(endBefore)];
}
