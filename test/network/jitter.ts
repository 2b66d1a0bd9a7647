/** A link whose delay varies, on real packets. */
import {Sketch} from '../helpers/blueprints.ts';
import {needing} from '../helpers/needing.ts';
import {labOf} from '../helpers/scenario.ts';

const withNetem = await needing('netem');

withNetem('a delay of 20 ms with a jitter of 15 ms is somewhere between 5 and 35 ms, and varies', async t => {
	const lab = await labOf(t, new Sketch(`
		h1 10.0.0.1/24 -- b1
		h2 10.0.0.2/24 -- b1
	`), {arp: true});
	await lab.network.linksBetween('h1', 'b1')[0]?.shape({delay: '20ms', jitter: '15ms'}, 'h1');
	const text = await lab.node('h1').run`ping -c 60 -i 0.05 ${lab.node('h2')}`;
	const times = [...text.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time));
	t.is(times.length, 60);
	t.true(Math.min(...times) >= 5, text);
	// A busy machine only makes them longer; that not one of sixty is among the shortest third happens once in 10^10 runs.
	t.true(Math.min(...times) <= 15, text);
	t.true(Math.max(...times) >= 25, text);
});
