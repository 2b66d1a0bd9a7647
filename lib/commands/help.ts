/** `help`: all commands, or one at length. */
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import type {AnyCommand, Command} from './command.ts';

export type HelpResult = ReadonlyArray<{readonly usage: string; readonly summary: string; readonly details?: string}>;

/** @param table asked when the command runs, because `help` is in the table itself */
export function helpFor(table: () => readonly AnyCommand[]): Command<readonly AnyCommand[], HelpResult> {
	return {
		name: 'help',
		usage: 'help [COMMAND]',
		summary: 'these lines, or all about one command',
		read(reader) {
			const known = [...new Set(table().flatMap(words))];
			if (!reader.more(() => known)) {
				return table();
			}

			const {text, column} = reader.take(['command'], () => known);
			const commands = table().filter(command => words(command).includes(text));
			if (commands.length === 0) {
				const {nearest, hint} = nearestTo(text, known);
				throw new InputError('unknown-command', `There is no command "${printable(text)}".${hint} Write help for a list.`, {column, expected: ['command'], nearest});
			}

			reader.finish();
			return commands;
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

/** The words that ask for a command's help: the first of its name, and the first that does not stand for a node. */
function words({name, aliases = []}: AnyCommand): string[] {
	return [name, ...aliases].flatMap(each => [each.split(' ')[0] ?? '', each.split(' ').find(word => word !== 'NODE') ?? '']);
}
