/** `help`: all commands, or one at length. */
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import type {Reader} from '../policy/reader.ts';
import type {AnyCommand, Command, Scene} from './command.ts';

export type HelpResult = ReadonlyArray<{readonly usage: string; readonly summary: string; readonly details?: string}>;

/** @param table asked when the command runs, because `help` is in the table itself */
export function helpFor(table: () => readonly AnyCommand[]): Command<readonly AnyCommand[], HelpResult> {
	return {
		name: 'help',
		usage: 'help [COMMAND]',
		summary: 'these lines, or all about one command',
		details: 'COMMAND is as many words of a command as you like, such as secrule or secrule add; the name of a node stands for NODE.',
		read(reader, scene) {
			let found: readonly Spelling[] = table().flatMap(spellings);
			for (let depth = 0; reader.more(() => wordsAt(found, depth)); depth++) {
				found = follow(reader, found, depth, scene);
			}

			return [...new Set(found.map(({command}) => command))];
		},
		async run(_lab, commands) {
			const short = commands.length === table().length;
			return Promise.resolve(commands.map(({usage, summary, details}) => ({usage, summary, ...details === undefined || short ? {} : {details}})));
		},
		text(entries) {
			const details = entries.flatMap(entry => entry.details ?? []);
			return [columns(entries.map(({usage, summary}) => [usage, summary])), ...details.length > 0 ? ['', ...details] : []].join('\n');
		},
	};
}

/** One way to ask for a command's help. */
type Spelling = {readonly words: readonly string[]; readonly command: AnyCommand};

/** By all words of its name, with or without the one that stands for a node. */
function spellings(command: AnyCommand): Spelling[] {
	return [command.name, ...command.aliases ?? []].flatMap(name => [...new Set([name, name.replace(/^NODE /, '')])]).map(name => ({words: name.split(' '), command}));
}

function wordsAt(found: readonly Spelling[], depth: number): string[] {
	return [...new Set(found.flatMap(({words}) => words[depth] ?? []))];
}

/** The spellings that go on with the next word. @throws InputError `unknown-command`, or `syntax` behind a whole name */
function follow(reader: Reader, found: readonly Spelling[], depth: number, {network}: Scene): Spelling[] {
	const known = wordsAt(found, depth);
	if (known.length === 0) {
		reader.finish();
	}

	const {text, column} = reader.take(['command'], () => known);
	const word = depth === 0 && network.nodes.has(text) ? 'NODE' : text;
	const fitting = found.filter(({words}) => words[depth] === word);
	if (fitting.length === 0) {
		const {nearest, hint} = nearestTo(text, known);
		const whole = [...found[0]?.words.slice(0, depth) ?? [], printable(text)].join(' ');
		throw new InputError('unknown-command', `There is no command "${whole}".${hint} Write help for a list.`, {column, expected: ['command'], nearest});
	}

	return fitting;
}
