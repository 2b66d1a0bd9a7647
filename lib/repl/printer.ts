/** Prints what lines resulted in: as text, as a transcript, or as one JSON object a line. */
import type {LineResult} from '../commands/line-result.ts';
import {type Paint, paintFor} from './paint.ts';

/** The prompt, exactly. */
export const prompt = 'securenet> ';

export type Style = 'text' | 'transcript' | 'json';

export class Printer {
	readonly #style: Style;
	readonly #stdout: Paint = paintFor(process.stdout);
	readonly #stderr: Paint = paintFor(process.stderr);

	constructor(style: Style = 'text') {
		this.#style = style;
	}

	print(result: LineResult): void {
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
