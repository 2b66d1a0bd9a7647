/** Waiting until something is so: whenever it may have changed somebody looks, and in the end it is so, or not so in time, or nobody waits any more. */

export type Waiting = {
	/** Milliseconds. */
	readonly limit: number;
	/** Calls the listener whenever the answer may be another one. Returns what ends that. */
	readonly watch: (listener: () => void) => () => void;
	readonly signal?: AbortSignal | undefined;
};

/** A timer, as nothing else holds it: what AbortSignal.any returns may be collected before it fires. */
export async function until(isSo: () => boolean, {limit, watch, signal}: Waiting): Promise<void> {
	let end: () => void = () => undefined;
	await new Promise<void>(resolve => {
		const look = () => {
			if (isSo() || signal?.aborted) {
				resolve();
			}
		};

		const timer = setTimeout(resolve, limit);
		const unwatch = watch(look);
		signal?.addEventListener('abort', look);
		end = () => {
			clearTimeout(timer);
			unwatch();
			signal?.removeEventListener('abort', look);
		};

		look();
	});
	end();
}
