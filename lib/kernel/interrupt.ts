/** Ends a running command when its user has had enough: politely first, as Ctrl-C would, then firmly. */

/** What Ctrl-C sends, what `kill` sends, and what nobody can ignore; each a second after the one before, also when this program has been too busy to send that one in time. */
const signals = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
const pause = 1000;

type Child = Promise<unknown> & {readonly pid?: number | undefined};

/**
@param options.group the child leads a process group, and all of that is to end
@returns says whether it is being ended: somebody of it is left, and the last signal was sent less than a second ago
*/
export function endWhenAborted(child: Child, signal: AbortSignal, {group}: {readonly group: boolean}): () => boolean {
	if (child.pid === undefined) {
		return () => false;
	}

	const target = group ? -child.pid : child.pid;
	const waiting = signals.values();
	let timer: NodeJS.Timeout | undefined;
	const end = () => {
		timer = undefined;
		const next = waiting.next();
		if (!next.done) {
			send(target, next.value);
			timer = setTimeout(end, pause);
		}
	};
	signal.addEventListener('abort', end, {once: true});
	if (signal.aborted) {
		end();
	}

	void child.finally(() => {
		signal.removeEventListener('abort', end);
		clearTimeout(timer);
	});
	return () => timer !== undefined && send(target, 0);
}

/** A negative number names a process group. One that has ended by itself is fine. @returns whether there was somebody to send it to */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
	try {
		return process.kill(pid, signal);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
			throw error;
		}

		return false;
	}
}
