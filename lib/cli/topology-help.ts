/** `run TOPOLOGY --help`: what the topology itself takes, below the command's own options. */
import {Parser} from 'yargs/helpers';
import {parameterUsage} from '../topology/parameters.ts';
import {printable} from '../util/names.ts';
import {parametersOf} from './load.ts';

/** An option as yargs is told of it: one that is not boolean takes a value. */
type OptionForm = {readonly type?: string; readonly alias?: string; readonly choices?: readonly string[]};

/**
Undefined when no topology is named.

@param words those behind `run`
@param options of `run`, by name: the words behind those that take a value name no topology
@throws InputError `shape`, `topology`
*/
export async function topologyHelp(words: readonly string[], options: Readonly<Record<string, OptionForm>>, api: string): Promise<string | undefined> {
	const forms = Object.entries(options);
	const {_: [named]} = Parser([...words], {
		boolean: ['help', ...forms.filter(([, {type}]) => type === 'boolean').map(([name]) => name)],
		string: forms.filter(([, {type}]) => type !== 'boolean').flatMap(([name, {alias}]) => [name, alias ?? []].flat()),
	});
	if (named === undefined) {
		return undefined;
	}

	const name = String(named);
	const parameters = Object.entries(await parametersOf(name, api));
	return parameters.length === 0
		? `${printable(name)} takes no parameters of its own.`
		: [`Parameters of ${printable(name)}:`, ...parameters.map(([parameter, spec]) => `  ${parameterUsage(parameter, spec)}`)].join('\n');
}
