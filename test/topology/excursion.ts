/** One search tells of every place what is left when another one is not passed: the same as a search for each. */
import test from 'ava';
import {Excursion} from '../../lib/topology/excursion.ts';

type Edges = ReadonlyArray<readonly [number, number]>;

function besideIn(edges: Edges): (place: number) => number[] {
	return place => edges.flatMap(([a, b]) => a === place ? [b] : b === place ? [a] : []);
}

/** Step by step, without the place that must not be passed. */
function reachedWithout(edges: Edges, start: number, passing: number): Set<number> {
	const seen = new Set([start]);
	for (const here of seen) {
		for (const next of besideIn(edges)(here).filter(each => each !== passing)) {
			seen.add(next);
		}
	}

	return seen;
}

/** Always the same ones: a linear congruential generator (Numerical Recipes, 7.1). */
function* graphs(count: number, size: number): Generator<Edges> {
	let state = 1;
	const number = (limit: number) => {
		state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
		return Math.floor(state / 2 ** 32 * limit);
	};

	for (let index = 0; index < count; index++) {
		yield Array.from({length: 2 + number(2 * size)}, () => [number(size), number(size)] as const).filter(([a, b]) => a !== b);
	}
}

test('what can be reached without passing a neighbour of it', t => {
	const size = 7;
	const wrong: unknown[] = [];
	const answers = new Set<boolean>();
	for (const edges of graphs(300, size)) {
		const excursion = new Excursion(0, besideIn(edges));
		for (let passing = 1; passing < size; passing++) {
			const reached = reachedWithout(edges, 0, passing);
			for (const target of besideIn(edges)(passing)) {
				answers.add(reached.has(target));
				if (excursion.avoids(passing, target) !== reached.has(target)) {
					wrong.push({edges, passing, target});
				}
			}
		}
	}

	t.deepEqual(wrong, []);
	t.is(answers.size, 2);
});

test('a long way is no deep recursion', t => {
	const length = 100_000;
	const excursion = new Excursion(0, place => [place - 1, place + 1].filter(each => each >= 0 && each < length));
	t.false(excursion.avoids(length - 2, length - 1));
	t.true(excursion.avoids(length - 2, length - 3));
});
