/** Disjoint sets of names: which of them have been joined, directly or by way of others. */

export class DisjointSets {
	readonly #parents = new Map<string, string>();

	/** The name that stands for the whole set. */
	find(name: string): string {
		let root = name;
		for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) {
			root = parent;
		}

		this.#shorten(name, root);
		return root;
	}

	/** Puts all of `name`'s set into the set of `into`, whose representative stays. */
	join(name: string, into: string): void {
		const [from, to] = [this.find(name), this.find(into)];
		if (from !== to) {
			this.#parents.set(from, to);
		}
	}

	/** Lets every name on the way point to the root, so that the next search is short. */
	#shorten(name: string, root: string): void {
		let at = name;
		while (at !== root) {
			const next = this.#parents.get(at) ?? root;
			this.#parents.set(at, root);
			at = next;
		}
	}
}
