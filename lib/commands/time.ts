/** `time LINE`: runs a line and says how long it took. */
import {InputError, type SecureNetError} from '../util/errors.ts';
import type {Word} from '../util/words.ts';
import type {Command} from './command.ts';
import type {LineResult} from './line-result.ts';

/** The line's own result, with the milliseconds it took. */
export type TimeResult = LineResult;

export const timeCommand: Command<Word, TimeResult> = {
	name: 'time',
	usage: 'time LINE',
	summary: 'run a line and say how long it took',
	verbatim: 'line',
	read(reader) {
		return reader.take(['line'], () => []);
	},
	async run(_lab, {text, column}, {run}) {
		const result = await run(text);
		if (!result) {
			throw new InputError('syntax', 'There is no command to time. Write: time LINE.', {column, expected: ['line']});
		}

		if (result.error) {
			throw moved(result.error, column - 1);
		}

		return result;
	},
	text(result) {
		return [result.text, `${(result.ms / 1000).toFixed(3)} s`].filter(Boolean).join('\n');
	},
	ok(result) {
		return result.ok;
	},
	leaves(result) {
		return result.leaves;
	},
};

/** A mistake's column in the whole line. */
function moved(error: SecureNetError, by: number): SecureNetError {
	const {column} = error.details;
	return error instanceof InputError && column !== undefined ? new InputError(error.code, error.message, {...error.details, column: column + by}, {cause: error}) : error;
}
