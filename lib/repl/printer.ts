/** Prints what lines resulted in: as text, as a transcript, or as one JSON object a line. */
import type {LineResult} from '../commands/line-result.ts';
import {type Paint, paintFor} from './paint.ts';
import {fitted} from './screen.ts';

/** The prompt, exactly. */
export const prompt = 'securenet> ';

/** ECMA-48: cursor to the upper left corner; erase in display, all or what is below; erase the rest of the line. */
const screen = {home: '\u001B[H', clear: '\u001B[2J', clearBelow: '\u001B[J', clearRight: '\u001B[K'} as const;

export type Style = 'text' | 'transcript' | 'json';

export class Printer {
	readonly #style: Style;
	readonly #stdout: Paint = paintFor(process.stdout);
	readonly #stderr: Paint = paintFor(process.stderr);
	/** Whether the screen shows nothing but text of the line that runs. */
	#overwrites = false;

	constructor(style: Style = 'text') {
		this.#style = style;
	}

	print(result: LineResult): void {
		this.#overwrites = false;
		if (this.#style === 'json') {
			process.stdout.write(`${JSON.stringify(result)}\n`);
			return;
		}

		const transcript = this.#style === 'transcript';
		process.stdout.write((transcript ? `${prompt}${result.line}\n` : '') + withNewline(result.text));
		if (result.error) {
			// A transcript shows what a terminal shows, errors among the rest.
			const [stream, paint] = transcript ? [process.stdout, this.#stdout] : [process.stderr, this.#stderr];
			stream.write(withNewline(paint.error(result.error, result.line)));
		}
	}

	/** Text of a line that still runs. @param over in the place of all that the screen shows; where there is no screen it comes after it */
	show(text: string, over = false): void {
		if (!over || !process.stdout.isTTY) {
			process.stdout.write(withNewline(text));
			return;
		}

		// What the screen showed before goes to where the user can scroll back to, what is overwritten does not.
		const begin = screen.home + (this.#overwrites ? '' : screen.clear);
		process.stdout.write(`${begin}${fitted(text, process.stdout).replaceAll('\n', `${screen.clearRight}\n`)}${screen.clearRight}\n${screen.clearBelow}`);
		this.#overwrites = true;
	}

	/** For failures that the result's own text does not show, such as a program's exit status. */
	explain({error, failure}: LineResult): void {
		if (failure && !error && this.#style === 'text') {
			process.stderr.write(`${this.#stderr.aside(`${failure.details.line === undefined ? '' : `line ${failure.details.line}: `}${failure.message}`)}\n`);
		}
	}
}

function withNewline(text: string): string {
	return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
