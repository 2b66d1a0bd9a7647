/** The lines of a file, for `source` and for `--script`. */
import {readFile} from 'node:fs/promises';
import {InputError, messageOf} from '../util/errors.ts';
import {printable} from '../util/names.ts';

/**
@param column where the path stands in the line that names the file, 1-based
@throws InputError `file` when it cannot be read
*/
export async function fileLines(path: string, column?: number): Promise<string[]> {
	try {
		return (await readFile(path, 'utf8')).split(/\r?\n/);
	} catch (error) {
		throw new InputError('file', `${printable(path)} cannot be read: ${messageOf(error)}`, {...column === undefined ? {} : {column}, expected: ['file']}, {cause: error});
	}
}
