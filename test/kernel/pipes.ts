/** Pipes of a program that has exited: read to their end, but not for ever. The program is played, so that time is the test's own. */
import {EventEmitter} from 'node:events';
import {mock} from 'node:test';
import {setImmediate} from 'node:timers/promises';
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

test.beforeEach(() => {
	mock.timers.enable({apis: ['setInterval']});
});
test.afterEach.always(() => {
	mock.timers.reset();
});

/** So many milliseconds pass, and after each silence there is a turn in which pipes are looked at. */
async function pass(ms: number): Promise<void> {
	for (let passed = 0; passed < ms; passed += step) {
		mock.timers.tick(step);
		await setImmediate();
	}
}

const step = 10;

test.serial('a pipe is open as long as the program runs, and closed soon after', async t => {
	const player = play(t);
	await pass(6000);
	t.false(player.closed);
	player.emit('exit');
	await pass(50);
	t.false(player.closed);
	await pass(100);
	t.true(player.closed);
});

test.serial('what comes after the exit is read, as long as it keeps coming', async t => {
	const player = play(t);
	player.emit('exit');
	for (let passed = 0; passed < 700; passed += 50) {
		player.stdout.bytesRead++;
		await pass(50);
		t.false(player.closed);
	}

	await pass(200);
	t.true(player.closed);
});

test.serial('what never stops is not read for ever', async t => {
	const player = play(t);
	player.emit('exit');
	for (let passed = 0; passed < 2000; passed += 50) {
		player.stdout.bytesRead++;
		await pass(50);
	}

	t.true(player.closed);
});
