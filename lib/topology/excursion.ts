/** Which places of a graph can be reached from one of them without passing a given other one: asked of all of them after a single search in depth (Hopcroft and Tarjan 1973). Pure. */

type Visit<Place> = {
	/** When it was found. */
	readonly found: number;
	/** The earliest place that it, or what was found beyond it, is beside. */
	low: number;
	/** Those from which the search came back here, in order. */
	readonly beyond: Array<Visit<Place>>;
	/** What is beside it and was not looked at yet. */
	readonly left: Iterator<Place, undefined>;
};

export class Excursion<Place> {
	readonly #visits = new Map<Place, Visit<Place>>();

	/** @param beside the same both ways: who is beside a place has it beside itself */
	constructor(start: Place, beside: (place: Place) => readonly Place[]) {
		const way = [this.#visit(start, beside)];
		for (let here = way.at(-1); here; here = way.at(-1)) {
			const next = here.left.next();
			const seen = next.done ? undefined : this.#visits.get(next.value);
			if (seen) {
				here.low = Math.min(here.low, seen.found);
			} else if (!next.done) {
				way.push(this.#visit(next.value, beside));
			} else {
				way.pop();
				const before = way.at(-1);
				before?.beyond.push(here);
				if (before) {
					before.low = Math.min(before.low, here.low);
				}
			}
		}
	}

	/** Whether the target can be reached without passing that neighbour of it. */
	avoids(passing: Place, target: Place): boolean {
		const [without, there] = [this.#visits.get(passing), this.#visits.get(target)];
		if (!without || !there || there.found < without.found) {
			return there !== undefined;
		}

		const side = without.beyond.findLast(({found}) => found <= there.found);
		return side !== undefined && side.low < without.found;
	}

	#visit(place: Place, beside: (place: Place) => readonly Place[]): Visit<Place> {
		const found = this.#visits.size;
		const visit = {found, low: found, beyond: [], left: beside(place)[Symbol.iterator]()};
		this.#visits.set(place, visit);
		return visit;
	}
}
