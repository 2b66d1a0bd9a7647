/** Writes a file as a whole: whoever reads it finds what it was before, or what it is now. */
import {randomUUID} from 'node:crypto';
import {open, realpath, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {InputError, messageOf} from '../util/errors.ts';
import {printable} from '../util/names.ts';

/** Readable by everybody, whatever the umask: the program runs as root, its user need not. */
const mode = 0o644;

/**
Writes beside the file and renames, through a symbolic link too.

@param column where the path stands in the line that names the file, 1-based
@throws InputError `file` when the path names something that is no file, or it cannot be written; what was there stays
*/
export async function writeWhole(path: string, text: string, column?: number): Promise<void> {
	const refused = (reason: string, cause?: unknown) => new InputError('file', `${printable(path)} cannot be written: ${reason}`, {...column === undefined ? {} : {column}, expected: ['file']}, {cause});
	const place = await placeOf(path).catch((error: unknown) => {
		throw refused(messageOf(error), error);
	});
	if (!place.isFile) {
		throw refused('it is no file that could be replaced, but a directory, a device or the like. Name a file.');
	}

	try {
		await replace(place.path, text);
	} catch (error) {
		throw refused(messageOf(error), error);
	}
}

/** Where a path leads, and whether a file is there or could be. */
async function placeOf(path: string): Promise<{path: string; isFile: boolean}> {
	try {
		const real = await realpath(path);
		return {path: real, isFile: (await stat(real)).isFile()};
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
			throw error;
		}

		return {path, isFile: basename(path) !== '' && !path.endsWith('/')};
	}
}

async function replace(path: string, text: string): Promise<void> {
	const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
	const file = await open(temporary, 'wx', mode);
	try {
		await file.writeFile(text);
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
