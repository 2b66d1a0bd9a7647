/** Waiting for what must come: until it is there, however long a busy machine takes. */
import {setTimeout} from 'node:timers/promises';
import {longPatience} from './patience.ts';

/** Milliseconds between two looks. */
const pause = 20;

/** @returns whether it came within the limit, in milliseconds */
export async function eventually(holds: () => boolean | Promise<boolean>, limit = longPatience): Promise<boolean> {
	const end = performance.now() + limit;
	while (!await holds()) {
		if (performance.now() > end) {
			return false;
		}

		await setTimeout(pause);
	}

	return true;
}
