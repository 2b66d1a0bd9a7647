/** A file of policy lines has mistakes: each with its line and column, all at once. */
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';

/** More than anybody reads at once. */
const mostShown = 20;

export class LoadError extends InputError {
	override name = 'LoadError';
	readonly file: string;
	/** Each with `line` and `column` of the file in its details, in the order of the lines. */
	readonly mistakes: readonly InputError[];

	/** @param column where the path stands in the line that names the file, 1-based */
	constructor(file: string, mistakes: readonly InputError[], column: number) {
		const texts = mistakes.slice(0, mostShown).map(({message, details}) => `  ${printable(file)}:${details.line ?? 1}:${details.column ?? 1}: ${message}`);
		const more = mistakes.length > mostShown ? [`  and ${mistakes.length - mostShown} more`] : [];
		super('load', ['The file has mistakes; the policy is as before.', ...texts, ...more].join('\n'), {column, expected: ['file without mistakes'], nearest: []});
		this.file = file;
		this.mistakes = mistakes;
	}

	override toJSON() {
		return {...super.toJSON(), file: this.file, mistakes: this.mistakes};
	}
}
