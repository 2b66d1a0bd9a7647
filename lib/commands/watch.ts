/** Shows again and again what is looked at anew each time, such as what devices have counted, until the user interrupts. */
import {setTimeout as sleep} from 'node:timers/promises';
import {InputError} from '../util/errors.ts';
import type {Io} from './command.ts';
import {type DeviceLines, type Look, rated} from './installed-lines.ts';

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

/** Looks at devices each time it is called, and tells how often lines have met packets since the last time. */
export function ratesOf(look: () => Promise<Look['lines']>): () => Promise<DeviceLines[]> {
	let last: Look | undefined;
	return async () => {
		const now = {lines: await look(), at: performance.now()};
		const lines = rated(now, last);
		last = now;
		return lines;
	};
}

/** The second of two looks, a second apart. */
export async function twice<Result>(look: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
	await look();
	await sleep(pause, undefined, {signal});
	return look();
}
