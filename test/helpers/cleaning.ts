/** Tests that kill a lab and have the machine cleaned take turns: `clean` takes away what any of them left, and tells only whoever was first. */
import {closeSync, openSync} from 'node:fs';
import {setTimeout} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {tryLockExclusive} from '../../lib/kernel/syscall.ts';
import {longPatience} from './patience.ts';

/** Until the test ends, no other test of any process has the turn. */
export async function takeTurn(t: ExecutionContext): Promise<void> {
	const lock = openSync(import.meta.filename, 'r');
	t.teardown(() => {
		closeSync(lock);
	});
	// A whole file of such tests may come before this one.
	for (const deadline = Date.now() + 4 * longPatience; !tryLockExclusive(lock);) {
		if (Date.now() > deadline) {
			throw new Error(`Other tests that kill labs have not ended within ${4 * longPatience / 1000} s.`);
		}

		await setTimeout(50);
	}
}
