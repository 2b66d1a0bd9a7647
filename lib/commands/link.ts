/** `link A B up|down|set …`: takes the links between two nodes down and up, or shapes them. */
import type {Reader} from '../policy/reader.ts';
import {type ShapingMistake, type ShapingOption, readShaping, readShapingOption, shapingConflicts, shapingForms, shapingMistakeText, shapingOptions} from '../topology/shaping.ts';
import type {ShapingOptions} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {type LinksResult, describeLink, linksText} from './links.ts';
import {takeNode} from './reading.ts';

type Setting = {
	readonly options: ShapingOptions;
	/** The node whose frames are meant; both when it is left out. */
	readonly from: string | undefined;
};

type Input = {readonly a: string; readonly b: string; readonly change: 'up' | 'down' | Setting};

export const linkCommand: Command<Input, LinksResult> = {
	name: 'link',
	usage: 'link A B up|down|set none|OPTION … [from A|B]',
	summary: 'take the links between two nodes down or up, or shape them',
	details: `Parallel links change together. Addresses and routes come back with the link. set: ${shapingOptions.map(option => `${option} (${shapingForms[option].words})`).join('; ')}; `
		+ 'what is not named is no longer shaped, and none ends all of it. from: only what that node sends. A rate counts whole frames; queue counts frames that wait for it (default 1000).',
	read(reader, scene) {
		const [a, b] = [takeNode(reader, scene), takeNode(reader, scene)];
		if (a === b) {
			throw new InputError('same-node', `A link has two ends, and both are ${a} here. Write: link A B …; net shows what hangs together.`, {column: reader.column, expected: ['node']});
		}

		const verb = reader.oneOf(['up', 'down', 'set']);
		const change = verb === 'set' ? readSetting(reader, [a, b]) : verb;
		reader.finish();
		return {a, b, change};
	},
	async run({network}, {a, b, change}) {
		const links = network.linksBetween(a, b);
		for (const link of links) {
			if (change === 'up') {
				link.up();
			} else if (change === 'down') {
				link.down();
			} else {
				await link.shape(change.options, change.from);
			}
		}

		return links.map(describeLink);
	},
	text: linksText,
};

function readSetting(reader: Reader, ends: readonly string[]): Setting {
	const options = reader.optional(['none']) ? {} : readOptions(reader);
	return {options, from: reader.optional(['from']) && reader.oneOf(ends)};
}

/** One option or more, in any order. @throws InputError `shaping` */
function readOptions(reader: Reader): ShapingOptions {
	const columns = new Map<ShapingOption, number>();
	let options: ShapingOptions = {};
	for (let option: ShapingOption | undefined = reader.oneOf(shapingOptions); option; option = reader.optional(shapingOptions.filter(each => !columns.has(each)))) {
		columns.set(option, reader.column);
		options = {...options, [option]: readValue(reader, option)};
	}

	const [conflict] = shapingConflicts(readShaping(options).shaping);
	if (conflict) {
		throw mistakeAt(columns.get(conflict.option) ?? reader.column, conflict);
	}

	return options;
}

function readValue(reader: Reader, option: ShapingOption): string | number {
	const {words} = shapingForms[option];
	const {text, column} = reader.take([words], () => []);
	const value = readShapingOption(option, text);
	if (typeof value !== 'number') {
		throw mistakeAt(column, value);
	}

	return option === 'queue' ? value : text;
}

function mistakeAt(column: number, mistake: ShapingMistake): InputError {
	return new InputError('shaping', shapingMistakeText(mistake), {column, expected: [shapingForms[mistake.option].words]});
}
