/** Work on many things at once, but not on all of them. */

/** Each may be a process for some milliseconds. */
const atOnce = 8;

export function slicesOf<Item>(items: readonly Item[], size = atOnce): Item[][] {
	return Array.from({length: Math.ceil(items.length / size)}, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** Results in the order of the items. The first failure ends it, after its slice. */
export async function inSlices<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
	const results: Result[] = [];
	for (const slice of slicesOf(items)) {
		results.push(...await Promise.all(slice.map(work)));
	}

	return results;
}
