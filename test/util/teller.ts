/** Telling: what nobody heard waits for the first who listens, and a listener that throws is in nobody's way. */
import {EventEmitter, once} from 'node:events';
import test from 'ava';
import {teller} from '../../lib/util/teller.ts';

test('what nobody heard is told to the first who listens, once and in order; other events are not kept', async t => {
	const emitter = new EventEmitter();
	const tell = teller(emitter, 'failure');
	tell('failure', 1);
	tell('join', 'h1');
	tell('failure', 2);
	t.deepEqual(await once(emitter, 'failure'), [1]);
	const heard: unknown[] = [];
	emitter.on('join', detail => heard.push(detail));
	emitter.on('failure', detail => heard.push(detail));
	emitter.on('failure', detail => heard.push(`also ${detail}`));
	await new Promise(resolve => {
		setImmediate(resolve);
	});
	tell('failure', 3);
	t.deepEqual(heard, [2, 'also 2', 3, 'also 3']);
});

test('what a listener throws is a warning', async t => {
	const emitter = new EventEmitter();
	emitter.on('failure', () => {
		throw new Error('of the listener');
	});
	const warning = once(process, 'warning');
	teller(emitter, 'failure')('failure', 1);
	t.like(await warning, [{message: 'of the listener'}]);
});
