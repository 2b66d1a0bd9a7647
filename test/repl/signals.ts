/** Which signals end a session, and which only the line that runs. */
import test from 'ava';
import {Signals} from '../../lib/repl/signals.ts';
import {longPatience} from '../helpers/patience.ts';

/** Sends a signal to this process and waits until it has been dealt with. */
async function raise(signal: NodeJS.Signals): Promise<void> {
	const received = new Promise(resolve => {
		process.once(signal, resolve);
	});
	// A process that only waits for a signal ends.
	const alive = setTimeout(() => undefined, longPatience);
	process.kill(process.pid, signal);
	await received;
	clearTimeout(alive);
}

test.serial('at the prompt Ctrl-C ends the line that runs, and one that comes late ends nothing', async t => {
	using signals = new Signals();
	signals.keysLeave = false;
	const ended = signals.interruptible(async signal => new Promise(resolve => {
		signal.addEventListener('abort', resolve);
	}));
	await raise('SIGINT');
	await ended;
	await raise('SIGINT');
	t.false(signals.leaving.aborted);
	t.is(signals.exitStatus, undefined);
});

test.serial('where nobody types the next line Ctrl-C ends the session, also between two lines', async t => {
	using signals = new Signals();
	await raise('SIGINT');
	t.true(signals.leaving.aborted);
	t.is(signals.exitStatus, 130);
});

test.serial('SIGTERM ends the session at the prompt, whatever runs', async t => {
	using signals = new Signals();
	signals.keysLeave = false;
	await Promise.all([signals.interruptible(async signal => new Promise(resolve => {
		signal.addEventListener('abort', resolve);
	})), raise('SIGTERM')]);
	t.true(signals.leaving.aborted);
	t.is(signals.exitStatus, 143);
});
