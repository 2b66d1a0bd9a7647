/** Runs the lines of `-c`, of a file or of standard input, and knows the exit status they come to. */
import {createInterface} from 'node:readline';
import {type LinesResult, runLines} from '../commands/run-lines.ts';
import {runLine} from '../commands/run-line.ts';
import type {Lab} from '../lab.ts';
import {exitStatus} from '../util/errors.ts';
import {Audience} from './audience.ts';
import {showFailures} from './events.ts';
import {Printer, type Style} from './printer.ts';
import type {Signals} from './signals.ts';

export type ScriptOptions = {
	readonly style: Style;
	/** Whether node commands may have the terminal. */
	readonly terminal: boolean;
	/** Whether failures name the number of their line: worth it for lines of a file. */
	readonly numbered: boolean;
};

/** Runs lines up to the first that fails. Returns the exit status: 0, or what the failure means. */
export async function runScript(lab: Lab, lines: Iterable<string> | AsyncIterable<string>, signals: Signals, {style, terminal, numbered}: ScriptOptions): Promise<number> {
	using audience = new Audience(signals);
	const printer = new Printer(style);
	const report = printer.print.bind(printer);
	const show = (text: string, over?: boolean) => {
		audience.shown();
		printer.show(text, over);
	};

	const run = async (line: string, number: number) => signals.interruptible(async signal => {
		audience.begin();
		return runLine(lab, line, {signal, leaving: signals.leaving, terminal, number: numbered ? number : undefined, report, show: style === 'text' ? show : undefined});
	});
	const unwatch = showFailures(lab);
	const result = await runLines(until(lines, signals.leaving), run, report).finally(unwatch);
	if (result.failed) {
		printer.explain(result.failed.result);
	}

	return statusOf(result);
}

/** The lines of standard input, as they come. */
export function standardInput(leaving: AbortSignal): AsyncIterable<string> {
	return createInterface({input: process.stdin, signal: leaving, crlfDelay: Infinity});
}

async function* until(lines: Iterable<string> | AsyncIterable<string>, leaving: AbortSignal): AsyncGenerator<string> {
	for await (const line of lines) {
		if (leaving.aborted) {
			return;
		}

		yield line;
	}
}

function statusOf({failed}: LinesResult): number {
	return failed ? failed.result.error?.exitStatus ?? exitStatus.failed : 0;
}
