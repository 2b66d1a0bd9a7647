/** Ctrl-C, Ctrl-\ and the signals that end programs: the first interrupts what runs now, the second is for the program that runs, the others make the session leave. */
import {constants} from 'node:os';

const handled = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const;

export class Signals {
	/** Whether SIGINT and SIGQUIT end the session too: true as long as nobody is there to type the next line. */
	keysLeave = true;
	readonly #leaving = new AbortController();
	#running: AbortController | undefined;
	#caught: NodeJS.Signals | undefined;
	readonly #listener = (signal: NodeJS.Signals) => {
		this.#receive(signal);
	};

	constructor() {
		for (const signal of handled) {
			process.on(signal, this.#listener);
		}
	}

	/** Aborted when the session has to leave. */
	get leaving(): AbortSignal {
		return this.#leaving.signal;
	}

	/** 128 + number of the signal that ended the session, as shells count; undefined when none did. */
	get exitStatus(): number | undefined {
		return this.#caught && 128 + constants.signals[this.#caught];
	}

	/** The session ends as if its last line had been run, and what runs now is interrupted. */
	leave(): void {
		this.#leaving.abort();
		this.#running?.abort();
	}

	/** As if SIGHUP had come: the terminal is gone. */
	hangUp(): void {
		this.#receive('SIGHUP');
	}

	/** Runs work that a signal aborts. */
	async interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
		const controller = new AbortController();
		this.#running = controller;
		if (this.leaving.aborted) {
			controller.abort();
		}

		try {
			return await work(controller.signal);
		} finally {
			this.#running = undefined;
		}
	}

	[Symbol.dispose](): void {
		for (const signal of handled) {
			process.off(signal, this.#listener);
		}
	}

	#receive(signal: NodeJS.Signals): void {
		if (signal === 'SIGQUIT' && !this.keysLeave) {
			// The terminal sends it to the program as well, and to ping it means: say how it stands.
			return;
		}

		// At the prompt the terminal sends no SIGINT: one that finds nothing running was meant for the line that has just ended.
		if (signal !== 'SIGINT' || this.keysLeave) {
			this.#caught ??= signal;
			this.leave();
			return;
		}

		this.#running?.abort();
	}
}
