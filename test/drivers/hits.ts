import test from 'ava';
import type {InstalledLine} from '../../lib/drivers/driver.ts';
import {Hits, hitsOf} from '../../lib/drivers/hits.ts';

function line(rule: number | undefined, packets: number): InstalledLine {
	return {text: 'text', sentence: undefined, packets, ...rule === undefined ? {} : {rule}};
}

const packetsOf = (lines: ReadonlyMap<string, readonly InstalledLine[]>) => [...lines].map(([device, own]) => [device, own.map(({packets}) => packets)]);

test('hits are the packets of all lines of a rule', t => {
	t.deepEqual([...hitsOf([line(1, 2), line(2, 0), line(undefined, 9), line(1, 3)])], [[1, 5], [2, 0]]);
});

test('until they are reset, lines are as the devices have them', t => {
	const lines = new Map([['s1', [line(1, 5)]]]);
	t.deepEqual(new Hits().since(lines), lines);
});

test('after a reset only what came since is left, by device and rule', t => {
	const hits = new Hits();
	hits.reset(new Map([['s1', [line(1, 5), line(2, 1), line(undefined, 7)]], ['fw', [line(1, 2)]]]));
	t.deepEqual(packetsOf(hits.since(new Map([['s1', [line(1, 6), line(2, 1), line(undefined, 9)]], ['fw', [line(1, 4)]]]))), [['s1', [1, 0, 9]], ['fw', [2]]]);
	hits.reset(new Map());
	t.deepEqual(packetsOf(hits.since(new Map([['s1', [line(1, 6)]]]))), [['s1', [6]]]);
});

test('a rule whose count is spread over other lines now is not counted twice', t => {
	const hits = new Hits();
	hits.reset(new Map([['s1', [line(1, 5)]]]));
	t.deepEqual(packetsOf(hits.since(new Map([['s1', [line(1, 2), line(1, 4)]]]))), [['s1', [0, 1]]]);
	t.deepEqual(packetsOf(hits.since(new Map([['s1', [line(1, 2)]]]))), [['s1', [0]]]);
});
