/** Telling of what has happened: a listener that throws cannot undo it, and what must not get lost waits for the first who listens. */
import type {EventEmitter} from 'node:events';
import {messageOf} from './errors.ts';

export type Tell = (event: string, ...details: readonly unknown[]) => void;

/** The first say why the others came. */
const mostKept = 100;

/** @param kept an event that waits while nobody listens for it */
export function teller(emitter: EventEmitter, kept: string): Tell {
	const waiting: Array<readonly unknown[]> = [];
	const tell: Tell = (event, ...details) => {
		try {
			if (!emitter.emit(event, ...details) && event === kept && waiting.length < mostKept) {
				waiting.push(details);
			}
		} catch (error) {
			process.emitWarning(error instanceof Error ? error : messageOf(error));
		}
	};

	emitter.on('newListener', event => {
		if (event === kept) {
			// Whoever comes does not listen yet.
			process.nextTick(() => {
				for (const details of waiting.splice(0)) {
					tell(kept, ...details);
				}
			});
		}
	});
	return tell;
}
