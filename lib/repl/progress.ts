/** One line on a terminal's standard error that says how far a long start has come. */
import type {NetworkOptions} from '../network/network.ts';

type Progress = Parameters<NonNullable<NetworkOptions['progress']>>[0];

/** Milliseconds after which a start counts as long. */
const patience = 300;

export class ProgressLine {
	readonly #started = performance.now();
	readonly #shown = process.stderr.isTTY;
	#dirty = false;

	show({what, done, total}: Progress): void {
		if (this.#shown && performance.now() - this.#started > patience) {
			process.stderr.write(`\r\u001B[K${what} ${done}/${total}`);
			this.#dirty = true;
		}
	}

	clear(): void {
		if (this.#dirty) {
			process.stderr.write('\r\u001B[K');
			this.#dirty = false;
		}
	}
}
