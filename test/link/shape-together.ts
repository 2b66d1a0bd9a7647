/** Parallel links are shaped all together or not at all; what they were told stands for the kernel. */
import test from 'ava';
import {type ShapedLink, shapeTogether} from '../../lib/link/shape-together.ts';
import type {Shaping} from '../../lib/topology/shaping.ts';

/** A link between a and b that refuses some shaping of its second end, once its first one has taken it. */
function linkThat(refuses: (shaping: Shaping) => boolean, shaping: [Shaping, Shaping]): ShapedLink {
	return {
		words: 'a - b', shaping: [...shaping],
		shapingWith: (next, from) => [from === 'b' ? shaping[0] : next, from === 'a' ? shaping[1] : next],
		reshape([first, second]) {
			shaping[0] = first;
			if (refuses(second)) {
				throw new Error('not this one');
			}

			shaping[1] = second;
		},
	};
}

test('when one link refuses, those before it and its own other end are as they were', async t => {
	const before: Array<[Shaping, Shaping]> = [[{delay: 5}, {}], [{loss: 1}, {loss: 2}], [{}, {}]];
	const now = before.map(([a, b]): [Shaping, Shaping] => [a, b]);
	const links = now.map((shaping, index) => linkThat(next => index === 1 && next.loss === undefined, shaping));
	await t.throwsAsync(shapeTogether(links, {}), {message: 'not this one'});
	t.deepEqual(now, before);
	for (const [index, [a, b]] of before.entries()) {
		t.is(now[index]?.[0], a);
		t.is(now[index]?.[1], b);
	}
});

test('all take it, or only what one node sends', async t => {
	const now: Array<[Shaping, Shaping]> = [[{delay: 5}, {delay: 6}], [{loss: 1}, {loss: 2}]];
	await shapeTogether(now.map(shaping => linkThat(() => false, shaping)), {}, 'b');
	t.deepEqual(now, [[{delay: 5}, {}], [{loss: 1}, {}]]);
	await shapeTogether(now.map(shaping => linkThat(() => false, shaping)), {});
	t.deepEqual(now, [[{}, {}], [{}, {}]]);
});
