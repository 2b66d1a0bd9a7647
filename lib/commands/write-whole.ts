/** Writes a file as a whole: whoever reads it finds what it was before, or what it is now. */
import {randomUUID} from 'node:crypto';
import {constants} from 'node:fs';
import {open, readlink, realpath, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {InputError, messageOf} from '../util/errors.ts';
import {printable} from '../util/names.ts';

/** Readable by everybody, whatever the umask: the program runs as root, its user need not. */
const newFile = 0o644;
const permissions = 0o777;

/** Where to write, and as whose file when there is one. */
type Place = {readonly path: string; readonly mode: number; readonly owner?: {readonly uid: number; readonly gid: number}};

/**
Writes beside the file and renames, through a symbolic link too. A file that is there keeps its mode and its owner.

@param column where the path stands in the line that names the file, 1-based
@throws InputError `file` when the path names something that is no file, or it cannot be written; what was there stays
*/
export async function writeWhole(path: string, text: string, column?: number): Promise<void> {
	const refused = (reason: string, cause?: unknown) => new InputError('file', `${printable(path)} cannot be written: ${reason}`, {...column === undefined ? {} : {column}, expected: ['file']}, {cause});
	const place = await placeOf(path).catch((error: unknown) => {
		throw refused(messageOf(error), error);
	});
	if (!place) {
		throw refused('it is no file that could be replaced, but a directory, a device or the like. Name a file.');
	}

	try {
		await replace(place, text);
	} catch (error) {
		throw refused(messageOf(error), error);
	}
}

/** Where a path leads, and what a file that is there has to keep; undefined when something is there that is no file. */
async function placeOf(path: string): Promise<Place | undefined> {
	try {
		const real = await realpath(path);
		const status = await stat(real);
		return status.isFile() ? {path: real, mode: status.mode & permissions, owner: status} : undefined;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
			throw error;
		}

		await refuseLink(path);
		return basename(path) === '' || path.endsWith('/') ? undefined : {path, mode: newFile};
	}
}

/** To follow a link to where nothing is would make a file that the user has not named. */
async function refuseLink(path: string): Promise<void> {
	const target = await readlink(path).catch(() => undefined);
	if (target !== undefined) {
		throw new Error(`it is a link to ${printable(target)}, where nothing is. Name the file itself.`);
	}
}

/** Nobody else may read or change the file before it has its mode; a name that is taken, by a link too, is not opened. */
const exclusively = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function replace({path, mode, owner}: Place, text: string): Promise<void> {
	const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
	const file = await open(temporary, exclusively, 0o600);
	try {
		await file.writeFile(text);
		const {uid, gid} = await file.stat();
		if (owner && (owner.uid !== uid || owner.gid !== gid)) {
			await file.chown(owner.uid, owner.gid);
		}

		await file.chmod(mode);
		await file.sync();
		await file.close();
		await rename(temporary, path);
	} catch (error) {
		await file.close().catch(() => undefined);
		await rm(temporary, {force: true});
		throw error;
	}
}
