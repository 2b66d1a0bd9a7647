/** Counts go on where they were when chains are replaced. */
import test from 'ava';
import {EarlierCounts, listing} from '../../lib/drivers/iptables-counts.ts';
import {plainRouter, renderPerimeter} from '../../lib/drivers/iptables-render.ts';
import {perimeterPlan} from '../helpers/plans.ts';

const state = renderPerimeter(perimeterPlan({rules: ['5: allow 10.0.1.1,10.0.1.2 to 10.0.2.1', '6: deny any to any']}), plainRouter);

/** As iptables-save prints the chains, the lines of each rule having counted so much. */
function saved(...counts: readonly number[]): string {
	const counted = state.lines[4].filter(({rule}) => rule !== undefined);
	return counted.map(({text}, index) => `[${counts[index] ?? 0}:999] ${text}`).join('\n');
}

function hits(text: string, earlier: EarlierCounts, device = 'fw'): number[] {
	return listing(text, 4, state, earlier.of(device, 4)).map(({packets}) => packets);
}

test('the first line of a rule takes over what all of them had counted', t => {
	const earlier = new EarlierCounts();
	t.deepEqual(hits(saved(1, 2, 3), earlier), [1, 2, 3]);
	earlier.add('fw', 4, saved(1, 2, 3), state.lines[4]);
	t.deepEqual(hits(saved(0, 1, 0), earlier), [3, 1, 3]);
	earlier.add('fw', 4, saved(0, 1, 0), state.lines[4]);
	t.deepEqual(hits(saved(), earlier), [4, 0, 3]);
});

test('what a rule had counted is forgotten with it', t => {
	const earlier = new EarlierCounts();
	earlier.add('fw', 4, saved(1, 2, 3), state.lines[4].filter(({rule}) => rule !== 5));
	t.deepEqual(hits(saved(), earlier), [0, 0, 3]);
});

test('each router and each family counts for itself', t => {
	const earlier = new EarlierCounts();
	earlier.add('fw', 6, saved(7, 7, 7), state.lines[4]);
	earlier.add('fw2', 4, saved(8, 8, 8), state.lines[4]);
	t.deepEqual(hits(saved(1, 0, 0), earlier), [1, 0, 0]);
});
