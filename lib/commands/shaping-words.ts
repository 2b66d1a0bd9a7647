/** Words that shape a link, as several commands read them. */
import type {Reader} from '../policy/reader.ts';
import {type ShapingMistake, type ShapingOption, readShaping, readShapingOption, shapingConflicts, shapingForms, shapingMistakeText, shapingOptions} from '../topology/shaping.ts';
import type {ShapingOptions} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';

/** Options in any order, each once. @param first the one whose name was taken last; without one there are none @throws InputError `shaping` */
export function readShapingWords(reader: Reader, first: ShapingOption | undefined): ShapingOptions {
	const columns = new Map<ShapingOption, number>();
	let options: ShapingOptions = {};
	for (let option = first; option; option = reader.optional(shapingOptions.filter(each => !columns.has(each)))) {
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
