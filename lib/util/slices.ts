/** Work on many things at once, but not on all of them. */

/** Each may be a process for some milliseconds. */
const atOnce = 8;

export function slicesOf<Item>(items: readonly Item[]): Item[][] {
	return Array.from({length: Math.ceil(items.length / atOnce)}, (_, index) => items.slice(index * atOnce, (index + 1) * atOnce));
}

/** Results in the order of the items. The first failure ends it, after its slice. */
export async function inSlices<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
	const results: Result[] = [];
	for (const slice of slicesOf(items)) {
		results.push(...await Promise.all(slice.map(work)));
	}

	return results;
}
