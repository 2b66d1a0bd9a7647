/** Tunnels over SSH in labs, which need nothing of the kernel but TUN: they do what the others do, and tell when they are lost. */
import {once} from 'node:events';
import test from 'ava';
import {labRecord} from '../../lib/network/journal.ts';
import {longPatience} from '../helpers/patience.ts';
import {carries, comesAndGoes, recovers, up} from '../helpers/tunnel-tests.ts';
import {quick, ttlOf, twoWays} from '../helpers/two-ways.ts';

test.serial(carries, {via: 'ssh', mode: 'layer2', keepAlive: quick}, {filter: 'tcp port 22', shows: /1\.0\.0\.1\.\d+ > 1\.0\.1\.2\.22/});
test.serial(recovers, {via: 'ssh', keepAlive: quick});
test.serial(comesAndGoes, {via: 'ssh', keepAlive: quick});

test.serial('a tunnel over SSH tells when its connection is lost and when it is back', async t => {
	const lab = await up(t, twoWays({via: 'ssh', keepAlive: quick}));
	// What the lab waits for keeps no program from ending, so something else must.
	const wait = setInterval(() => undefined, 1000);
	t.teardown(() => {
		clearInterval(wait);
	});
	const lost = once(lab, 'tunnel', {signal: AbortSignal.timeout(longPatience)});
	await lab.run('link hop r2 down');
	t.like((await lost)[0], {ends: ['r1', 'r2'], status: 'down'});
	const link = ((await lab.run('links'))[0]?.result as Array<{via?: string; state: string; reason?: string}>).find(({via}) => via === 'ssh');
	t.is(link?.state, 'no carrier');
	t.truthy(link?.reason);
	await lab.run('link hop r2 up');
	t.is(await ttlOf(lab, 'h1', '20.0.0.3'), 62);
	t.is(labRecord(lab.name).processes.length, 2, 'a server and a client, none of those that have ended');
});
