/** Runs lines one after another, up to the first that fails. */
import type {LineResult} from './line-result.ts';

export type LinesResult = {
	/** Number of lines that ran; blank lines and comments do not count. */
	readonly ran: number;
	/** The line that stopped the rest, with its 1-based number. */
	readonly failed: {readonly line: number; readonly result: LineResult} | undefined;
	/** Whether a line asked to leave. */
	readonly left: boolean;
};

/**
@param run gets a line and its 1-based number; undefined for a line without words
@param ended is told of each line that ran
*/
export async function runLines(lines: Iterable<string> | AsyncIterable<string>, run: (line: string, number: number) => Promise<LineResult | undefined>, ended: (result: LineResult) => void): Promise<LinesResult> {
	let ran = 0;
	let number = 0;
	for await (const line of lines) {
		number++;
		const result = await run(line, number);
		if (!result) {
			continue;
		}

		ran++;
		ended(result);
		if (result.leaves || !(result.ok || result.mayFail)) {
			return {ran, failed: result.ok ? undefined : {line: number, result}, left: result.leaves};
		}
	}

	return {ran, failed: undefined, left: false};
}
