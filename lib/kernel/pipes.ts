/** The pipes of a program that has exited: what it left running may hold them for ever, so somebody has to let go. */
import type {ChildProcess} from 'node:child_process';
import type {Socket} from 'node:net';
import {groupIsAlive, patience} from './interrupt.ts';

/** Milliseconds without a byte after which a pipe has nothing more to say. */
const silence = 100;
/** Silences to wait for when something goes on writing. */
const most = 10;

type Child = Pick<ChildProcess, 'pid' | 'once' | 'stdout' | 'stderr'>;

/**
Once the program has exited, reads what it wrote and then closes the pipes, so that waiting for it ends. Who still writes then
gets EPIPE.

@param stop aborted when the program's group is being ended: then pipes stay open until the group is gone or was killed
*/
export function letGoAfterExit(child: Child, stop?: AbortSignal): void {
	let aborted = stop?.aborted ? performance.now() : undefined;
	stop?.addEventListener('abort', () => {
		aborted = performance.now();
	}, {once: true});
	child.once('exit', () => {
		let [seen, rounds] = [bytesRead(child), 0];
		const look = () => {
			const [before, now] = [seen, bytesRead(child)];
			[seen, rounds] = [now, rounds + 1];
			if ((now === before || rounds >= most) && !isEnding(child, aborted)) {
				child.stdout?.destroy();
				child.stderr?.destroy();
			}
		};
		// After a moment in which this program was busy, timers come before what waits in the pipes.
		const timer = setInterval(() => setImmediate(look), silence);
		child.once('close', () => {
			clearInterval(timer);
		});
	});
}

function isEnding({pid}: Child, aborted: number | undefined): boolean {
	return aborted !== undefined && pid !== undefined && performance.now() - aborted < patience + silence && groupIsAlive(pid);
}

function bytesRead({stdout, stderr}: Child): number {
	return [stdout, stderr].reduce((sum, pipe) => sum + ((pipe as Socket | null)?.bytesRead ?? 0), 0);
}
