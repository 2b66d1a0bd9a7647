/** The words of an action: lists, arrows, and parts of fields. See ovs-actions(7). */
import {WordError} from './openflow-errors.ts';
import {type Field, fieldFor} from './openflow-fields.ts';
import type {Match} from './openflow-match.ts';

/** Bits of a field, such as `NXM_NX_REG15[16..31]`. */
export type Part = {readonly field: Field; readonly start: number; readonly bits: number};

/** First bit and number of bits, as one number of 16 bits. */
export function placeOf({start, bits}: Part): number {
	return (start * 64) + bits - 1;
}

/** `FIELD[]`, `FIELD[A]` or `FIELD[A..B]` */
export function readPart(text: string, match: Match): Part {
	const [, name = '', first, last = first] = /^(\w+)\[(?:(\d+)(?:\.\.(\d+))?)?\]$/.exec(text) ?? [];
	if (name === '') {
		throw new WordError(text, 'is not what is needed here: FIELD[], FIELD[BIT] or FIELD[FIRST..LAST]');
	}

	const field = fieldOf(name, match);
	const [start, end] = first === undefined ? [0, field.bits - 1] : [Number(first), Number(last)];
	if (start > end || end >= field.bits) {
		throw new WordError(text, `names bits that ${field.name} does not have: they go from 0 to ${field.bits - 1}`);
	}

	return {field, start, bits: end - start + 1};
}

export function fieldOf(name: string, match: Match): Field {
	return fieldFor(name, protocol => match.isGiven(protocol));
}

export function arrow(text: string): [from: string, to: string] {
	const [from, to, ...rest] = text.split('->');
	if (from === undefined || to === undefined || rest.length > 0) {
		throw new WordError(text, 'needs one arrow (->)');
	}

	return [from, to];
}

/** `output:1` and `clone(…)`; the argument is empty when the word is only a name. */
export function nameAndArgument(word: string): [name: string, argument: string] {
	const end = word.search(/[:(]/);
	if (end === -1) {
		return [word, ''];
	}

	return [word.slice(0, end), word.startsWith(':', end) ? word.slice(end + 1) : word.slice(end + 1, -1)];
}

/** Cuts at commas outside of parentheses. */
export function list(text: string): string[] {
	if (!/[()]/.test(text)) {
		return text.split(',').map(word => word.trim());
	}

	const words: string[] = [];
	let depth = 0;
	let start = 0;
	for (let at = 0; at <= text.length; at++) {
		const character = text[at];
		depth += character === '(' ? 1 : character === ')' ? -1 : 0;
		if (depth === 0 && (character === ',' || character === undefined)) {
			words.push(text.slice(start, at).trim());
			start = at + 1;
		}
	}

	if (depth !== 0) {
		throw new WordError(text, 'has parentheses that do not match');
	}

	return words;
}
