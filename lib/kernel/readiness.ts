/** Starts a daemon and waits for the file by which it shows that it is ready; and what there is to say of one that is not. */
import {type FSWatcher, existsSync, readFileSync, watch} from 'node:fs';
import {basename, dirname} from 'node:path';
import type {RunningProgram} from './daemon.ts';

export type Started = {
	readonly program: RunningProgram;
	/** Why it is not ready, as the end of a sentence that begins with its name. */
	readonly trouble?: string;
};

/**
The watch begins before the daemon does, so nothing is missed and nothing is polled.

@param patience milliseconds
*/
export async function startUntil(file: string, patience: number, begin: () => RunningProgram): Promise<Started> {
	let watcher: FSWatcher | undefined;
	let timer: NodeJS.Timeout | undefined;
	try {
		const appeared = new Promise<'ready'>(resolve => {
			watcher = watch(dirname(file), (_event, name) => {
				if (name === basename(file) && existsSync(file)) {
					resolve('ready');
				}
			});
			// Without a watch the time limit tells.
			watcher.on('error', () => undefined);
		});
		const late = new Promise<'late'>(resolve => {
			timer = setTimeout(resolve, patience, 'late');
		});
		const program = begin();
		const outcome = await Promise.race([appeared, late, program.exited]);
		return outcome === 'ready' ? {program} : {program, trouble: outcome === 'late' ? `did not start within ${patience / 1000} s` : `ended at once (${howItEnded(outcome)})`};
	} finally {
		watcher?.close();
		clearTimeout(timer);
	}
}

export function howItEnded({exitCode, signal}: Awaited<RunningProgram['exited']>): string {
	return signal ?? `exit status ${exitCode ?? 0}`;
}

/** Its last lines; empty when it cannot be read. */
export function logTail(file: string): string {
	try {
		return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
	} catch {
		return '';
	}
}
