/** Names: their natural order, their nearest relatives, and what a valid one looks like. */
import {distance} from 'fastest-levenshtein';
import {InputError} from './errors.ts';

const collator = new Intl.Collator('en', {numeric: true});

/** Natural order: h2 before h10. */
export function compareNames(a: string, b: string): number {
	return collator.compare(a, b);
}

export function sortNames(names: Iterable<string>): string[] {
	return [...names].sort(compareNames);
}

/** Up to three known names that a mistyped word may have meant, nearest first. */
export function nearestNames(word: string, known: Iterable<string>): string[] {
	const limit = Math.max(1, Math.floor(word.length / 2));
	return [...known]
		.map(name => ({name, away: isBeginning(word, name) ? 1 : distance(word.toLowerCase(), name.toLowerCase())}))
		// Two words of one letter each have nothing in common.
		.filter(({name, away}) => away <= limit && away < Math.max(word.length, name.length))
		.sort((a, b) => a.away - b.away || compareNames(a.name, b.name))
		.slice(0, 3)
		.map(({name}) => name);
}

/** Whether the word is a name that was not written out; a letter or two are the beginning of too many. */
function isBeginning(word: string, name: string): boolean {
	return word.length > 2 && name.toLowerCase().startsWith(word.toLowerCase());
}

/** Known words near a mistyped one, and the question that offers them (empty when none is near). */
export function nearestTo(word: string, known: Iterable<string>): {nearest: string[]; hint: string} {
	const nearest = nearestNames(word, known);
	return {nearest, hint: nearest.length > 0 ? ` Did you mean ${nearest.join(' or ')}?` : ''};
}

/** The error for a name nobody knows: says what kind of thing it should be and which known names are near, or which there are. */
export function unknownName(kind: string, word: string, known: Iterable<string>, column?: number): InputError {
	const names = sortNames(known);
	const {nearest, hint} = nearestTo(word, names);
	return new InputError(`unknown-${kind.toLowerCase().replaceAll(' ', '-')}`, `There is no ${kind} "${printable(word)}".${hint || knownNames(names)}`, {
		...(column === undefined ? {} : {column}),
		expected: [kind],
		nearest,
	});
}

/** Enough to see what names there look like. */
const shownNames = 8;

function knownNames(names: readonly string[]): string {
	// To say that there is one more takes as much room as its name.
	const shown = names.length <= shownNames + 1 ? names : names.slice(0, shownNames);
	const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
	return names.length > 0 ? ` Known are ${shown.join(', ')}${more}.` : ' There are none.';
}

/** A letter, then letters, digits, `_` or `-`. */
export const namePattern = /^[A-Za-z][\w-]*$/;

/** Longest name of a network interface: IFNAMSIZ (16) less the final NUL, see linux/if.h. */
export const interfaceNameLimit = 15;

/** What nobody sees and yet changes what is seen: marks that turn the direction of writing, joiners, separators of lines. */
const invisible = /[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A character as Unicode names it: `U+202E`. */
export function codeOf(character: string): string {
	return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A user's word made safe to print: no control characters, invisible ones by their code, no more than 60 characters. */
export function printable(word: string): string {
	const clean = word.replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, '\uFFFD').replaceAll(invisible, character => `<${codeOf(character)}>`);
	return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}
