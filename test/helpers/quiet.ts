/** Waiting for nothing: that something does not come shows only when the time has passed in which it would have come. */
import {setTimeout} from 'node:timers/promises';
import {patience} from './patience.ts';

/** The one place where a test lets a fixed time pass. @param ms milliseconds on a quiet machine; a slow or busy one gets its factor more */
export async function quietFor(ms: number): Promise<void> {
	await setTimeout(ms * patience);
}
