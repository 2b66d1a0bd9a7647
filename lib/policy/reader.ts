/** Takes the words of a sentence one by one and says, when one is wrong or missing, what should stand there. */
import {InputError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import {type Cut, type Word, cutWord} from '../util/words.ts';

/** How to take a word. */
export type Manner = {
	/** Characters that are words of their own even where no space parts them from their neighbours. */
	readonly marks?: string;
	/** What all the choices are, for messages where they are too many to be listed. */
	readonly what?: string;
	/** Says where a word belongs that stands in the wrong place. */
	readonly hint?: (text: string) => string | undefined;
};

export class Reader {
	/** Column of the word taken last, 1-based. */
	column: number;
	/** What is wrong with words that read all the same: a policy that a program made may have them, and what was saved of it is loaded. Who adds them, or asks about them, is refused. */
	readonly doubts: InputError[] = [];
	/** Words to take, what is left of a parted one among them. */
	readonly #words: Word[];
	readonly #usage: string;
	#at = 0;
	/** What was asked for at this place and did not stand there. */
	#passed: readonly string[] = [];
	#offered: readonly string[] = [];

	/**
	@param usage how the sentence is written, for messages
	@param start column of the first word when there is none, 1-based
	*/
	constructor(words: readonly Word[], usage: string, start = 1) {
		this.#words = [...words];
		this.#usage = usage;
		this.column = start;
	}

	/** Every known word that could stand where the words ran out; empty as long as they have not. */
	get offered(): readonly string[] {
		return this.#offered;
	}

	/**
	The next word, whatever it is.

	@param expected kinds of words, for people
	@param offers every known word that fits, for Tab
	@throws InputError `syntax` when the words have run out
	*/
	take(expected: readonly string[], offers: () => readonly string[], {marks, what}: Manner = {}): Word {
		const next = this.#next(marks);
		if (!next) {
			this.#offer(offers());
			const all = [...this.#passed, ...expected];
			throw new InputError('syntax', `The sentence ends where it should go on with ${what ?? listed(all)}. Write: ${this.#usage}.`, {column: this.#end(), expected: all, nearest: []});
		}

		return this.#step(next);
	}

	/**
	The next word, which must be one of these words of the grammar.

	@throws InputError `syntax` when it is another one, is quoted or is missing
	*/
	oneOf<Choice extends string>(choices: readonly Choice[], manner: Manner = {}): Choice {
		const expected = [...this.#passed, ...choices];
		const {text, column, quoted} = this.take(choices, () => choices, manner);
		const choice = choices.find(candidate => candidate === text && !quoted);
		if (choice === undefined) {
			const better = manner.hint?.(text);
			const {nearest, hint} = better === undefined ? nearestTo(text, expected) : {nearest: [], hint: ` ${better}`};
			throw new InputError('syntax', `"${printable(text)}" stands where ${manner.what ?? listed(expected)} should.${hint} Write: ${this.#usage}.`, {column, expected, nearest});
		}

		return choice;
	}

	/** The next word when it is one of these words of the grammar; else it stays where it is. */
	optional<Choice extends string>(choices: readonly Choice[], {marks}: Manner = {}): Choice | undefined {
		const next = this.#next(marks);
		const choice = choices.find(candidate => candidate === next?.first.text && !next.first.quoted);
		if (next && choice !== undefined) {
			this.#step(next);
			return choice;
		}

		this.#passed = [...this.#passed, ...choices];
		if (!next) {
			this.#offer(choices);
		}

		return undefined;
	}

	/** The next word when it is quoted; else it stays where it is. */
	quoted(): Word | undefined {
		const next = this.#next();
		return next?.first.quoted ? this.#step(next) : undefined;
	}

	/** Whether a word is left to take. When none is, `offers` are what could still come. */
	more(offers: () => readonly string[]): boolean {
		const left = this.#at < this.#words.length;
		if (!left) {
			this.#offer(offers());
		}

		return left;
	}

	/** @throws InputError `syntax` when a word is left */
	finish(): void {
		const word = this.#next()?.first;
		if (word) {
			throw new InputError('syntax', `"${printable(word.text)}" is a word too many: the sentence is complete before it. Write: ${this.#usage}.`, {column: word.column, expected: [...this.#passed, 'end of line'], nearest: nearestTo(word.text, this.#passed).nearest});
		}
	}

	/** The next word, up to a mark; undefined when none is left. */
	#next(marks = ''): Cut | undefined {
		const word = this.#words[this.#at];
		return word && cutWord(word, marks);
	}

	#step({first, rest}: Cut): Word {
		if (rest) {
			this.#words[this.#at] = rest;
		} else {
			this.#at++;
		}

		this.column = first.column;
		this.#passed = [];
		return first;
	}

	#offer(words: readonly string[]): void {
		this.#offered = [...new Set([...this.#offered, ...words])];
	}

	/** The column behind the last word. */
	#end(): number {
		const last = this.#words.at(-1);
		return last ? last.column + last.raw.length : this.column;
	}
}

/** @throws the first of a reader's doubts */
export function refuseDoubts([first]: readonly InputError[]): void {
	if (first) {
		throw first;
	}
}

function listed(words: readonly string[]): string {
	return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}` : words.join('');
}
