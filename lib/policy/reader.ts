/** Takes the words of a sentence one by one and says, when one is wrong or missing, what should stand there. */
import {InputError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import type {Word} from '../util/words.ts';

export class Reader {
	/** What could stand where the words ran out; empty as long as they have not. */
	offered: readonly string[] = [];
	readonly #words: readonly Word[];
	readonly #usage: string;
	readonly #start: number;
	#at = 0;

	/**
	@param usage how the sentence is written, for messages
	@param start column of the first word when there is none, 1-based
	*/
	constructor(words: readonly Word[], usage: string, start = 1) {
		this.#words = words;
		this.#usage = usage;
		this.#start = start;
	}

	/**
	The next word, whatever it is.

	@param expected kinds of words, for people
	@param offers every known word that fits, for Tab
	@throws InputError `syntax` when the words have run out
	*/
	take(expected: readonly string[], offers: () => readonly string[]): Word {
		const word = this.#words[this.#at++];
		if (!word) {
			this.offered = offers();
			throw new InputError('syntax', `The sentence ends where it should go on with ${listed(expected)}. Write: ${this.#usage}.`, {column: this.#end(), expected, nearest: []});
		}

		return word;
	}

	/**
	The next word, which must be one of these words of the grammar.

	@throws InputError `syntax` when it is another one, is quoted or is missing
	*/
	oneOf<Choice extends string>(choices: readonly Choice[]): Choice {
		const {text, column, quoted} = this.take(choices, () => choices);
		const choice = choices.find(candidate => candidate === text && !quoted);
		if (choice === undefined) {
			const {nearest, hint} = nearestTo(text, choices);
			throw new InputError('syntax', `"${printable(text)}" stands where ${listed(choices)} should.${hint} Write: ${this.#usage}.`, {column, expected: choices, nearest});
		}

		return choice;
	}

	/** Whether a word is left to take. When none is, `offers` are what could still come. */
	more(offers: () => readonly string[]): boolean {
		const left = this.#at < this.#words.length;
		if (!left) {
			this.offered = offers();
		}

		return left;
	}

	/** @throws InputError `syntax` when a word is left */
	finish(): void {
		const word = this.#words[this.#at];
		if (word) {
			throw new InputError('syntax', `"${printable(word.text)}" is a word too many: the sentence is complete before it. Write: ${this.#usage}.`, {column: word.column, expected: ['end of line'], nearest: []});
		}
	}

	/** The column behind the last word. */
	#end(): number {
		const last = this.#words.at(-1);
		return last ? last.column + last.text.length : this.#start;
	}
}

function listed(words: readonly string[]): string {
	return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}` : words.join('');
}
