/** Pipes of a program that has exited: read to their end, but not for ever. The program is played, so that time is the test's own. */
import {EventEmitter} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {letGoAfterExit} from '../../lib/kernel/pipes.ts';

/** A program without a process, and what is read of its output. */
class Player extends EventEmitter {
	readonly pid = undefined;
	readonly stderr = null;
	readonly stdout = {
		bytesRead: 0,
		destroy: () => {
			this.closed = true;
			this.emit('close');
		},
	};

	closed = false;
}

function play(t: ExecutionContext): Player {
	const player = new Player();
	letGoAfterExit(player as unknown as Parameters<typeof letGoAfterExit>[0]);
	t.teardown(() => {
		player.emit('close');
	});
	return player;
}

test('a pipe is open as long as the program runs, and closed soon after', async t => {
	const player = play(t);
	await sleep(300);
	t.false(player.closed);
	player.emit('exit');
	await sleep(0);
	t.false(player.closed);
	await sleep(400);
	t.true(player.closed);
});

test('what comes after the exit is read, as long as it keeps coming', async t => {
	const player = play(t);
	player.emit('exit');
	for (let count = 0; count < 15; count++) {
		player.stdout.bytesRead++;
		await sleep(30);
		t.false(player.closed);
	}

	await sleep(400);
	t.true(player.closed);
});

test('what never stops is not read for ever', async t => {
	const player = play(t);
	player.emit('exit');
	const begin = performance.now();
	while (!player.closed && performance.now() - begin < 10_000) {
		player.stdout.bytesRead++;
		await sleep(30);
	}

	t.true(player.closed);
});
