/** Cuts a line into words that remember their column. Quotes and backslashes work as in a shell; nothing is ever expanded. */
import {InputError} from './errors.ts';

export type Word = {
	readonly text: string;
	/** 1-based column of the word's first character in its line. */
	readonly column: number;
	/** Whether any part of the word was quoted or escaped: such a word is never an operator, a name to replace or a comment. */
	readonly quoted: boolean;
	/** As it stands in the line, with its quotes. */
	readonly raw: string;
};

/** A word parted at a mark; the rest is missing when nothing is left. */
export type Cut = {readonly first: Word; readonly rest: Word | undefined};

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
			const word = readWord(line, at, isSpace);
			words.push(word);
			at += word.raw.length;
		}
	}

	return words;
}

/**
Parts a word at the first mark outside its quotes. A mark is a word of its own, so that spaces around it may be left out.

@param marks the characters that are marks
@returns the mark the word begins with, or what stands before the first one; and what is left of the word
*/
export function cutWord(word: Word, marks: string): Cut {
	const {raw, column} = word;
	const isMark = (character: string | undefined): boolean => marks.includes(character ?? ' ');
	if (!isMark(raw[0]) && !Array.from(raw).some(isMark)) {
		return {first: word, rest: undefined};
	}

	const first = isMark(raw[0]) ? {text: raw.charAt(0), column, quoted: false, raw: raw.charAt(0)} : moved(readWord(raw, 0, isMark), column - 1);
	const left = raw.slice(first.raw.length);
	return {first, rest: left === '' ? undefined : moved(readWord(left, 0, () => false), column - 1 + first.raw.length)};
}

function moved(word: Word, by: number): Word {
	return {...word, column: word.column + by};
}

function readWord(line: string, start: number, ends: (character: string | undefined) => boolean): Word {
	let text = '';
	let quoted = false;
	let at = start;
	while (at < line.length && !ends(line[at])) {
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

	return {text, column: start + 1, quoted, raw: line.slice(start, at)};
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
