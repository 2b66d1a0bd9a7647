/** Colours and the look of errors; the only use of chalk. */
import {Chalk, type ChalkInstance, supportsColor, supportsColorStderr} from 'chalk';
import type {SecureNetError} from '../util/errors.ts';

export type Paint = {
	/** An error with the line it is about: a caret under its column, the line's number when it stands in a file, what was expected, the nearest known names. No final newline. */
	error(error: SecureNetError, line?: string): string;
	/** Something of little weight. */
	aside(text: string): string;
};

/** Widest line that is shown above a caret. */
const widest = 76;

/** Colours only where a terminal shows them and the user does not forbid them, see no-color.org. */
export function paintFor(stream: typeof process.stdout | typeof process.stderr): Paint {
	const support = stream === process.stdout ? supportsColor : supportsColorStderr;
	const colourless = (process.env['NO_COLOR'] ?? '') !== '' || !stream.isTTY || !support;
	return paintWith(new Chalk({level: colourless ? 0 : support.level}));
}

export function paintWith(chalk: ChalkInstance): Paint {
	return {
		error(error, line) {
			const {line: number, column, expected = [], nearest = []} = error.details;
			return [
				...line === undefined || column === undefined ? [] : caret(chalk, line, column),
				chalk.red((number === undefined ? '' : `line ${number}: `) + safe(error.message)),
				...said(error.message, expected) ? [] : [`expected: ${expected.join(', ')}`],
				...said(error.message, nearest.slice(0, 1)) ? [] : [`nearest: ${nearest.join(', ')}`],
			].join('\n');
		},
		aside(text) {
			return chalk.dim(text);
		},
	};
}

/** A part of the line that fits the screen, and a caret under the column (1-based; one behind the end is possible). */
function caret(chalk: ChalkInstance, line: string, column: number): string[] {
	const start = column > widest - 10 ? column - (widest >> 1) : 0;
	const before = start > 0 ? '...' : '';
	const part = before + safe(line.slice(start, start + widest)).replaceAll('\n', '\uFFFD') + (line.length > start + widest ? '...' : '');
	return [part, ' '.repeat(before.length + column - 1 - start) + chalk.red.bold('^')];
}

/** Whether the message names all the words already. */
function said(message: string, words: readonly string[]): boolean {
	return words.every(word => message.includes(word));
}

/** What a program or a user wrote must not steer the terminal: control characters but newline and tab, and characters that nobody sees, become visible, one for one. */
function safe(text: string): string {
	return text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}
