/** Ends what a line shows until Ctrl-C when nobody reads it any more, as behind `| head`. */
import type {Signals} from './signals.ts';

export class Audience implements Disposable {
	readonly #signals: Signals;
	/** Whether the line that runs has shown anything: what a line prints when it has ended is no reason to leave out the next ones. */
	#isShown = false;
	readonly #listener = () => {
		if (this.#isShown) {
			this.#signals.leave();
		}
	};

	constructor(signals: Signals) {
		this.#signals = signals;
		process.stdout.on('error', this.#listener);
	}

	/** A line begins to run. */
	begin(): void {
		this.#isShown = false;
	}

	/** The line shows something. */
	shown(): void {
		this.#isShown = true;
	}

	[Symbol.dispose](): void {
		process.stdout.off('error', this.#listener);
	}
}
