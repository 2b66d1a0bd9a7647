/** The pipes of a program that has exited: what it left running may hold them for ever, so somebody has to let go. */
import type {ChildProcess} from 'node:child_process';
import type {Socket} from 'node:net';

/** Milliseconds without a byte after which a pipe has nothing more to say. */
const silence = 100;
/** Silences to wait for when something goes on writing. */
const most = 10;

type Child = Pick<ChildProcess, 'once' | 'stdout' | 'stderr'>;

/**
Once the program has exited, reads what it wrote and then closes the pipes, so that waiting for it ends. Who still writes then
gets EPIPE.

@param isEnding says whether what the program started is being ended: until then pipes stay open
*/
export function letGoAfterExit(child: Child, isEnding: () => boolean = () => false): void {
	child.once('exit', () => {
		let [seen, rounds] = [bytesRead(child), 0];
		const look = () => {
			const [before, now] = [seen, bytesRead(child)];
			[seen, rounds] = [now, rounds + 1];
			if ((now === before || rounds >= most) && !isEnding()) {
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

function bytesRead({stdout, stderr}: Child): number {
	return [stdout, stderr].reduce((sum, pipe) => sum + ((pipe as Socket | null)?.bytesRead ?? 0), 0);
}
