/** `source FILE`: runs the lines of a file. */
import type {Word} from '../util/words.ts';
import type {Command} from './command.ts';
import {fileLines} from './file-lines.ts';
import {runLines} from './run-lines.ts';

export type SourceResult = {
	readonly file: string;
	/** Number of lines that ran. */
	readonly ran: number;
	/** 1-based number of the line that failed and stopped the rest. */
	readonly failed?: number;
	readonly left: boolean;
};

export const sourceCommand: Command<Word, SourceResult> = {
	name: 'source',
	usage: 'source FILE',
	summary: 'run the lines of a file, up to the first that fails',
	details: 'Blank lines and lines that begin with # are passed over. A line that begins with - may fail.',
	paths: true,
	read(reader) {
		const word = reader.take(['file'], () => []);
		reader.finish();
		return word;
	},
	async run(_lab, word, {run, report}) {
		const lines = await fileLines(word.text, word.column);
		const {ran, failed, left} = await runLines(lines, run, result => {
			report?.(result);
		});
		return {file: word.text, ran, ...failed ? {failed: failed.line} : {}, left};
	},
	text({file, failed}) {
		return failed === undefined ? '' : `${file}:${failed} failed; the lines after it were not run.`;
	},
	ok({failed}) {
		return failed === undefined;
	},
	leaves({left}) {
		return left;
	},
};
