/** Cuts a line into words that remember their column. Quotes and backslashes work as in a shell; nothing is ever expanded. */
import {InputError} from './errors.ts';

export type Word = {
	readonly text: string;
	/** 1-based column of the word's first character in its line. */
	readonly column: number;
	/** Whether any part of the word was quoted or escaped: such a word is never an operator, a name to replace or a comment. */
	readonly quoted: boolean;
};

/**
@param line one line; a `#` at the start of a word begins a comment
@throws InputError `quote` when a quote is left open
*/
export function splitWords(line: string): Word[] {
	const words: Word[] = [];
	let at = 0;
	while (at < line.length) {
		if (isSpace(line[at])) {
			at++;
		} else if (line[at] === '#') {
			break;
		} else {
			const {word, end} = readWord(line, at);
			words.push(word);
			at = end;
		}
	}

	return words;
}

function readWord(line: string, start: number): {word: Word; end: number} {
	let text = '';
	let quoted = false;
	let at = start;
	while (at < line.length && !isSpace(line[at])) {
		const character = line.charAt(at);
		if (character === '\'' || character === '"') {
			const {text: inner, end} = readQuoted(line, at);
			text += inner;
			at = end;
			quoted = true;
		} else if (character === '\\' && at + 1 < line.length) {
			text += line.charAt(at + 1);
			at += 2;
			quoted = true;
		} else {
			text += character;
			at++;
		}
	}

	return {word: {text, column: start + 1, quoted}, end: at};
}

/** Inside double quotes a backslash makes `"` and `\` plain; inside single quotes it is a backslash. */
function readQuoted(line: string, start: number): {text: string; end: number} {
	const quote = line.charAt(start);
	let text = '';
	let at = start + 1;
	while (at < line.length && line[at] !== quote) {
		if (quote === '"' && line[at] === '\\' && ['"', '\\'].includes(line[at + 1] ?? '')) {
			at++;
		}

		text += line.charAt(at);
		at++;
	}

	if (at >= line.length) {
		throw new InputError('quote', `The quote ${quote} at column ${start + 1} is never closed.`, {column: start + 1, expected: [quote]});
	}

	return {text, end: at + 1};
}

function isSpace(character: string | undefined): boolean {
	return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}
