/** Ends a running command when its user has had enough: politely first, as Ctrl-C would, then firmly. */

/** What Ctrl-C sends, what `kill` sends, and what nobody can ignore; each a second after the one before. */
const signals = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
const pause = 1000;
/** Milliseconds from the abort until nothing can be left of the group. */
export const patience = (signals.length - 1) * pause;

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

/** Whether a process is left in the group. */
export function groupIsAlive(leader: number): boolean {
	return send(-leader, 0);
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
