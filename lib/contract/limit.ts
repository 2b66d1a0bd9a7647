/** The time that a case has: when it is over, or the user has had enough, whatever the case waits for is given up. */
import type {DriverFactory} from '../drivers/factory.ts';
import {SecureNetError} from '../util/errors.ts';

export class Limit implements Disposable {
	readonly #ms: number;
	readonly #interrupted: AbortSignal | undefined;
	readonly #over = new AbortController();
	readonly #timer: NodeJS.Timeout;
	readonly #end = () => {
		this.#over.abort();
	};

	/** What is waited for just now, outermost first. */
	readonly #waits = new Map<symbol, string>();

	/** @param ms until the time is over @param interrupted by the user */
	constructor(ms: number, interrupted: AbortSignal | undefined) {
		this.#ms = ms;
		this.#interrupted = interrupted;
		this.#timer = setTimeout(this.#end, ms);
		interrupted?.addEventListener('abort', this.#end);
		if (interrupted?.aborted) {
			this.#end();
		}
	}

	/** Aborted when the time is over. */
	get signal(): AbortSignal {
		return this.#over.signal;
	}

	/**
	Waits for some work, and no longer than there is time. What is given up may go on, and nobody hears of it.

	@throws SecureNetError `time-limit` naming all that was waited for
	*/
	async wait<Result>(what: string, work: () => Promise<Result> | Result): Promise<Result> {
		const wait = Symbol(what);
		this.#waits.set(wait, what);
		let giveUp: () => void = () => undefined;
		const over = new Promise<never>((_, reject) => {
			giveUp = () => {
				reject(this.#error());
			};
		});
		this.signal.addEventListener('abort', giveUp);
		try {
			return await (this.signal.aborted ? Promise.reject(this.#error()) : Promise.race([over, work()]));
		} finally {
			this.signal.removeEventListener('abort', giveUp);
			this.#waits.delete(wait);
		}
	}

	/** No time is measured any more. */
	[Symbol.dispose](): void {
		clearTimeout(this.#timer);
		this.#interrupted?.removeEventListener('abort', this.#end);
	}

	#error(): SecureNetError {
		return new SecureNetError('time-limit', `It did not end within ${this.#ms / 1000} s; it waited for: ${[...this.#waits.values()].join(', in it ')}.`);
	}
}

/** What of a driver is waited for. The rest is computed: nothing can stop that. */
const waitedFor: ReadonlySet<string | symbol> = new Set(['check', 'discard', 'apply', 'list', 'counted', 'settle', 'connections', 'cut', 'watchLog']);

/** The same driver; whoever waits for it waits no longer than there is time. */
export function limited(create: DriverFactory, limit: Limit): DriverFactory {
	return context => new Proxy(create(context), {
		get(driver, name): unknown {
			const part: unknown = Reflect.get(driver, name, driver);
			if (typeof part !== 'function') {
				return part;
			}

			const call = (...parameters: readonly unknown[]): unknown => Reflect.apply(part, driver, parameters);
			return waitedFor.has(name) ? async (...parameters: readonly unknown[]) => limit.wait(`the driver's ${String(name)}`, () => call(...parameters)) : call;
		},
	});
}
