/** Ends processes that may not be our children, and knows when they have ended. */
import {constants} from 'node:os';
import {SecureNetError} from '../util/errors.ts';
import {Epoll, close, openProcess, signalProcess} from './syscall.ts';

/** Milliseconds; a switch with a thousand ports takes half a second to close them. */
const patience = 30_000;

/**
Kills processes and waits until they are gone.
Equivalent to: `kill -KILL PID …; wait`

@param isOurs asked again once the process is held fast, because process ids are reused
@throws SecureNetError `process` when one is still there after 30 s
*/
export async function endProcesses(pids: readonly number[], isOurs: (pid: number) => boolean): Promise<void> {
	const epoll = new Epoll();
	const waiting = new Map<number, number>();
	try {
		for (const pid of pids) {
			const fd = openProcess(pid);
			if (fd !== undefined) {
				waiting.set(fd, pid);
				epoll.add(fd, fd);
			}
		}

		for (const [fd, pid] of waiting) {
			if (isOurs(pid)) {
				signalProcess(fd, constants.signals.SIGKILL);
			} else {
				forget(epoll, waiting, fd);
			}
		}

		await ended(epoll, waiting);
	} finally {
		for (const fd of waiting.keys()) {
			close(fd);
		}

		epoll.close();
	}
}

async function ended(epoll: Epoll, waiting: Map<number, number>): Promise<void> {
	const deadline = Date.now() + patience;
	while (waiting.size > 0) {
		if (Date.now() > deadline) {
			throw new SecureNetError('process', `Processes ${[...waiting.values()].join(', ')} did not end within ${patience / 1000} s of SIGKILL; see /proc/PID/stack.`);
		}

		for (const fd of await epoll.wait(1000)) {
			forget(epoll, waiting, fd);
		}
	}
}

function forget(epoll: Epoll, waiting: Map<number, number>, fd: number): void {
	epoll.remove(fd);
	close(fd);
	waiting.delete(fd);
}
