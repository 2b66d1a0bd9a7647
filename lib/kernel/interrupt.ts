/** Ends a running command when its user has had enough: politely first, as Ctrl-C would, then firmly. */

/** What Ctrl-C sends, what `kill` sends, and what nobody can ignore; each a second after the one before. */
const signals = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
const pause = 1000;

type Child = Promise<unknown> & {readonly pid?: number | undefined};

/** @param options.group the child leads a process group, and all of that is to end */
export function endWhenAborted(child: Child, signal: AbortSignal, {group}: {readonly group: boolean}): void {
	const {pid} = child;
	if (pid === undefined) {
		return;
	}

	const timers: NodeJS.Timeout[] = [];
	const end = () => {
		for (const [index, name] of signals.entries()) {
			timers.push(setTimeout(send, index * pause, group ? -pid : pid, name));
		}
	};
	signal.addEventListener('abort', end, {once: true});
	if (signal.aborted) {
		end();
	}

	void child.finally(() => {
		signal.removeEventListener('abort', end);
		timers.forEach(clearTimeout);
	});
}

/** A negative number names a process group. One that has ended by itself is fine. */
function send(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
			throw error;
		}
	}
}
