/** Runs one line of the prompt: finds its command, reads its words, does the work, and never throws. */
import type {Lab} from '../lab.ts';
import {Reader} from '../policy/reader.ts';
import {InputError, SecureNetError, messageOf} from '../util/errors.ts';
import {type Word, splitWords} from '../util/words.ts';
import type {Front, Io, ReadLine, Scene} from './command.ts';
import {endOf, findCommand, verbatimCommand} from './find.ts';
import {LineResult} from './line-result.ts';

export {LineResult} from './line-result.ts';

/** Lines inside lines, such as a file that sources another; one that sources itself ends here. */
const deepest = 16;

const never = new AbortController().signal;

/**
@param text a line as typed; a pasted prompt before it is ignored, and a leading `-` lets it fail
@returns undefined when the line has no words; mistakes and failures are results too
*/
export async function runLine(lab: Lab, text: string, front: Partial<Front> = {}, depth = 0): Promise<LineResult | undefined> {
	const line = withoutPrompt(text);
	const mayFail = line.startsWith('-');
	// A space keeps the columns.
	const sentence = mayFail ? ` ${line.slice(1)}` : line;
	const started = performance.now();
	const ended = () => ({line, mayFail, number: front.number, ms: performance.now() - started});
	const io = ioFor(lab, front, depth);
	try {
		const words = wordsOf(sentence);
		if (words.length === 0) {
			return undefined;
		}

		const {command, input, json} = readLine(words, lab);
		const result = await command.run(lab, input, json ? {...io, show: undefined} : io);
		return new LineResult(ended(), {command, result, json});
	} catch (error) {
		return new LineResult(ended(), {error: explained(error, io.signal).locate(front.number === undefined ? {} : {line: front.number})});
	}
}

/** Runs lines, one after the other. @throws as Lab.run */
export async function runScript(lab: Lab, lines: readonly string[]): Promise<LineResult[]> {
	const results: LineResult[] = [];
	for (const line of lines) {
		const result = await runLine(lab, line);
		if (result) {
			results.push(result);
			if (result.failure && !result.mayFail) {
				throw result.failure;
			}
		}
	}

	return results;
}

/** What a transcript shows before a line is no part of it. */
function withoutPrompt(text: string): string {
	return text.replace(/^\s*(?:securenet>|Securenet\])(?=\s|$)/, '').trim();
}

function ioFor(lab: Lab, {signal = never, leaving = never, terminal = false, report, show}: Partial<Front>, depth: number): Io {
	const front = {signal, leaving, terminal, report, show};
	return {
		...front,
		read: readText,
		async run(line, number) {
			if (depth >= deepest) {
				throw new InputError('depth', `Lines run inside lines more than ${deepest} deep. Does a file source itself?`);
			}

			return runLine(lab, line, {...front, number}, depth + 1);
		},
	};
}

/** Undefined for a line without words. @throws InputError with the column of the mistake */
export function readText(line: string, scene: Scene): ReadLine | undefined {
	const words = wordsOf(line);
	return words.length === 0 ? undefined : readLine(words, scene);
}

/** Quotes in a line for a shell need not be closed: the shell reads it, we do not. */
function wordsOf(line: string): Word[] {
	const [, space = '', name = '', rest = ''] = /^(\s*)(\S+)\s*(.*)$/s.exec(line) ?? [];
	if (!verbatimCommand(name)) {
		return splitWords(line);
	}

	const first = {text: name, column: space.length + 1, quoted: false, raw: name};
	return rest === '' ? [first] : [first, {text: rest, column: line.length - rest.length + 1, quoted: true, raw: rest}];
}

function readLine(words: readonly Word[], scene: Scene): ReadLine & {readonly json: boolean} {
	const found = findCommand(words, scene);
	const last = found.words.at(-1);
	const json = found.command.verbatim === undefined && last?.text === '--json' && !last.quoted;
	const reader = new Reader(json ? found.words.slice(0, -1) : found.words, found.command.usage, endOf(words.at(json ? -2 : -1)));
	return {command: found.command, input: found.command.read(reader, scene), json};
}

/** Errors that are not for the user's eyes are mistakes of this program; the lab goes on. */
function explained(error: unknown, signal: AbortSignal): SecureNetError {
	if (error instanceof SecureNetError) {
		return error;
	}

	if (signal.aborted) {
		return new SecureNetError('interrupted', 'Interrupted.', {}, {cause: error});
	}

	const frame = error instanceof Error ? /^\s+(at .*)$/m.exec(error.stack ?? '')?.[1] : undefined;
	return new SecureNetError('internal', `This is a mistake in SecureNet, not in the line: ${messageOf(error)}${frame ? ` (${frame})` : ''}. The lab goes on.`, {}, {cause: error});
}
