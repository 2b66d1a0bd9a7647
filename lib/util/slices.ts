/** Work on many things at once, but not on all of them. */

/** Each may be a process for some milliseconds. */
const atOnce = 8;

/** Results in the order of the items. The first failure ends it, after its slice. */
export async function inSlices<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
	const results: Result[] = [];
	for (let at = 0; at < items.length; at += atOnce) {
		results.push(...await Promise.all(items.slice(at, at + atOnce).map(work)));
	}

	return results;
}
