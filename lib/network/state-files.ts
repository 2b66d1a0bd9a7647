/** The small files in which labs write down what they hold: each is written whole, and a disk that takes none of it is told in a sentence. */
import {renameSync, rmSync, statfsSync, writeFileSync} from 'node:fs';
import {constants} from 'node:os';
import {dirname} from 'node:path';
import {MachineError, SecureNetError, exitStatus} from '../util/errors.ts';
import {stateDirectory} from './paths.ts';

/** What a file system says that takes nothing more, by number: Node.js has no name for a used-up quota. See errno(3). */
const refusals: ReadonlyMap<number, string> = new Map([
	[constants.errno.EDQUOT, 'the quota there is used up'],
	[constants.errno.ENOSPC, 'no space is left there'],
	[constants.errno.EROFS, 'that disk can only be read'],
]);

/** Written aside and then renamed: a reader sees the old file or the new one. @throws MachineError `disk`; SecureNetError `state-gone` when somebody has removed its directory */
export function writeStateFile(path: string, text: string): void {
	const aside = `${path}.new`;
	onDisk(path, () => {
		try {
			writeFileSync(aside, text, {mode: 0o600});
			renameSync(aside, path);
		} catch (error) {
			rmSync(aside, {force: true});
			throw isMissing(error) ? new SecureNetError('state-gone', `${path} cannot be written: somebody has removed its directory. A lab that runs can still be left with "exit"; then start it again.`, {}, {cause: error}) : error;
		}
	});
}

/** Does what needs room on a disk. @param path for the message @throws MachineError `disk` */
export function onDisk<Result>(path: string, work: () => Result): Result {
	try {
		return work();
	} catch (error) {
		throw diskError(error, path) ?? error;
	}
}

/** The error for what a disk refused, or a program that wants to write on a full one; undefined for any other one. */
export function diskError(error: unknown, path: string): MachineError | undefined {
	const refusal = refusals.get(-((error as NodeJS.ErrnoException).errno ?? 0));
	if (refusal !== undefined) {
		return new MachineError('disk', `${path} cannot be written: ${refusal}. ${advice(path)}`, {}, {cause: error});
	}

	return error instanceof SecureNetError && error.exitStatus === exitStatus.failed && isFull(path) ? new MachineError('disk', `${error.message}\nNo space is left in ${path}. ${advice(path)}`, error.details, {cause: error}) : undefined;
}

/** A lab's own directory is gone when its user reads this. */
function advice(path: string): string {
	return `Look with "df ${path === stateDirectory ? dirname(path) : stateDirectory}" and make room, then try again.`;
}

/** One without limits, such as ramfs, counts no blocks at all. */
function isFull(path: string): boolean {
	try {
		const {blocks, bavail} = statfsSync(path);
		return blocks > 0 && bavail === 0;
	} catch {
		return false;
	}
}

/** Whether there is no room to write anything down, so that a clean-up has to go on without. */
export function isDiskError(error: unknown): boolean {
	return error instanceof MachineError && error.code === 'disk';
}

function isMissing(error: unknown): boolean {
	return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
