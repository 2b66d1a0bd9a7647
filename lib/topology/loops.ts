/** Loops among switches and bridges: the sets of them that stay connected when any one link between them is cut. */
import {DisjointSets} from './disjoint-sets.ts';

export type Edge = readonly [string, string];

/**
Parallel links are a loop of two. Linear in the number of edges.

@returns the members of each loop; loops that share a member are one
*/
export function loops(edges: readonly Edge[]): string[][] {
	const {parents, depths, extra} = spanningForest(edges);
	const joined = new DisjointSets();
	for (const [a, b] of extra) {
		closeLoop(a, b, {parents, depths, joined});
	}

	const members = new Map<string, string[]>();
	for (const name of depths.keys()) {
		const loop = members.get(joined.find(name)) ?? [];
		loop.push(name);
		members.set(joined.find(name), loop);
	}

	return [...members.values()].filter(({length}) => length > 1);
}

type Forest = {
	readonly parents: ReadonlyMap<string, string>;
	readonly depths: ReadonlyMap<string, number>;
	/** The edges that are in no tree: each closes a loop. */
	readonly extra: readonly Edge[];
};

type Way = {readonly edge: Edge; readonly to: string};

function spanningForest(edges: readonly Edge[]): Forest {
	const neighbors = neighborsOf(edges);
	const parents = new Map<string, string>();
	const depths = new Map<string, number>();
	const used = new Set<Edge>();
	for (const root of neighbors.keys()) {
		const queue = depths.has(root) ? [] : [root];
		depths.set(root, depths.get(root) ?? 0);
		for (const name of queue) {
			for (const {edge, to} of neighbors.get(name) ?? []) {
				if (!depths.has(to)) {
					depths.set(to, (depths.get(name) ?? 0) + 1);
					parents.set(to, name);
					used.add(edge);
					queue.push(to);
				}
			}
		}
	}

	return {parents, depths, extra: edges.filter(edge => !used.has(edge))};
}

function neighborsOf(edges: readonly Edge[]): Map<string, Way[]> {
	const neighbors = new Map(edges.flat().map(name => [name, [] as Way[]]));
	for (const edge of edges) {
		const [a, b] = edge;
		neighbors.get(a)?.push({edge, to: b});
		neighbors.get(b)?.push({edge, to: a});
	}

	return neighbors;
}

/** Joins what lies on the tree's way between both ends. What one loop has joined, the next passes in one step. */
function closeLoop(a: string, b: string, {parents, depths, joined}: Pick<Forest, 'parents' | 'depths'> & {readonly joined: DisjointSets}): void {
	const depth = (name: string): number => depths.get(name) ?? 0;
	let [one, other] = [joined.find(a), joined.find(b)];
	while (one !== other) {
		const [upper, lower] = depth(one) < depth(other) ? [one, other] : [other, one];
		joined.join(lower, parents.get(lower) ?? upper);
		[one, other] = [upper, joined.find(lower)];
	}
}
