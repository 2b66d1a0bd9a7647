/** What netem is told of a shaping, worked out by hand. */
import test from 'ava';
import type {Netem} from '../../lib/kernel/qdisc.ts';
import {netemOf} from '../../lib/link/shaping.ts';
import type {Shaping} from '../../lib/topology/shaping.ts';

const tells = test.macro({
	title: (_, shaping: Shaping) => `netem of ${JSON.stringify(shaping)}`,
	exec(t, shaping: Shaping, expected: Partial<Netem>) {
		t.like(netemOf(shaping, 1500), expected);
	},
});

test(tells, {loss: 1}, {latency: 0n, jitter: 0n, loss: 0.01, rate: 0n, limit: 1000});
test(tells, {delay: 15, jitter: 0.25}, {latency: 15_000_000n, jitter: 250_000n, rate: 0n});
test(tells, {rate: 1e7}, {rate: 1_250_000n, limit: 1000});
test(tells, {rate: 1e7, queue: 20}, {limit: 20});

// 12,112 bits a frame: 10 Mbit/s are 826 frames a second, 10 Gbit/s are 825,628.
test(tells, {rate: 1e7, delay: 100, queue: 20}, {limit: 20 + 83});
test(tells, {rate: 1e7, delay: 100, jitter: 100, queue: 20}, {limit: 20 + 166});
test(tells, {delay: 15}, {limit: 1000 + 12_385});
test(tells, {delay: 3_600_000}, {limit: 1000 + 100_000});
