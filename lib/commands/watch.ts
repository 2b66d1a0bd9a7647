/** `--watch`: what is looked at anew every second is shown until the user interrupts; where only the result is seen, the second look tells. */
import {setTimeout as sleep} from 'node:timers/promises';
import {InputError} from '../util/errors.ts';
import type {Io} from './command.ts';

/** Milliseconds between two looks. */
const pause = 1000;

/** Shows a text, and every second what it is then, until the user interrupts. @throws InputError `watch` where nobody would see it */
export async function watch(text: () => Promise<string>, {signal, show}: Pick<Io, 'signal' | 'show'>): Promise<void> {
	if (!show) {
		throw new InputError('watch', 'Nobody sees anything here before the line has ended. Leave --watch out.');
	}

	while (!signal.aborted) {
		show(await text(), true);
		await sleep(pause, undefined, {signal}).catch(() => undefined);
	}
}

/** The second of two looks, a second apart. */
export async function twice<Result>(look: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
	await look();
	await sleep(pause, undefined, {signal});
	return look();
}
