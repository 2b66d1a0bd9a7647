/** Loops: found, named, and nothing but their members. */
import test from 'ava';
import fc from 'fast-check';
import {type Edge, loops} from '../../lib/topology/loops.ts';
import {sortNames} from '../../lib/util/names.ts';

/** `a-b b-c` */
function edges(text: string): Edge[] {
	return text.split(' ').filter(word => word !== '').map(word => word.split('-') as [string, string]);
}

function found(text: string): string {
	return loops(edges(text)).map(loop => sortNames(loop).join('')).sort().join(' ');
}

const finds = test.macro({
	exec(t, text: string, expected: string) {
		t.is(found(text), expected);
	},
	title: (_, text: string, expected: string) => `${text || 'nothing'}: ${expected || 'no loop'}`,
});

test(finds, '', '');
test(finds, 'a-b b-c c-d', '');
test(finds, 'a-b a-b', 'ab');
test(finds, 'a-b b-a', 'ab');
test(finds, 'a-b b-c c-a', 'abc');
test(finds, 'a-b b-c c-a c-d d-e', 'abc');
test(finds, 'x-a a-b b-c c-a', 'abc');
test(finds, 'a-b b-c c-a d-e e-f f-d', 'abc def');
test(finds, 'a-b b-c c-a c-d d-e e-f f-d', 'abc def');
test(finds, 'a-b b-c c-a c-d d-e e-c', 'abcde');
test(finds, 'a-b b-c c-d d-a a-c', 'abcd');
test(finds, 'm-a a-b b-c m-d d-e c-e', 'abcdem');

/** The definition, edge by edge: an edge is in a loop when its ends stay connected without it. */
function loopsByDefinition(all: readonly Edge[]): string[] {
	const reach = (from: string, without: Edge | undefined, among: readonly Edge[]): Set<string> => {
		const seen = new Set([from]);
		for (const name of seen) {
			for (const edge of among.filter(each => each !== without && each.includes(name))) {
				edge.forEach(each => seen.add(each));
			}
		}

		return seen;
	};

	const looping = all.filter(edge => reach(edge[0], edge, all).has(edge[1]));
	return [...new Set(looping.flat().map(name => [...reach(name, undefined, looping)].sort().join('')))].sort();
}

test('agrees with the definition on random graphs', t => {
	const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
	const edge = fc.tuple(name, name).filter(([a, b]) => a !== b);
	fc.assert(fc.property(fc.array(edge, {maxLength: 14}), graph => {
		t.deepEqual(loops(graph).map(loop => [...loop].sort().join('')).sort(), loopsByDefinition(graph));
	}), {numRuns: 500});
});

test('a ring of 20,000 takes no recursion', t => {
	const ring = Array.from({length: 20_000}, (_, n): Edge => [`s${n}`, `s${(n + 1) % 20_000}`]);
	t.is(loops(ring)[0]?.length, 20_000);
});
