/** What is done to the frames that an end of a link sends: options as people write them, read into numbers, and written again. */
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {ShapingOptions} from './specs.ts';

/** Only what has an effect: there is no delay of 0. */
export type Shaping = {
	/** Bits a second. */
	readonly rate?: number;
	/** Milliseconds. */
	readonly delay?: number;
	/** Milliseconds; at most the delay. */
	readonly jitter?: number;
	/** Percent. */
	readonly loss?: number;
	/** Frames. */
	readonly queue?: number;
};

export type ShapingOption = keyof ShapingOptions;

export type ShapingMistake = {readonly option: ShapingOption; readonly message: string; readonly hint: string};

/** How an option is written. A unit's size is in the unit of `Shaping`; the largest stands first. */
type Form = {
	readonly words: string;
	readonly units: ReadonlyArray<readonly [name: string, size: number]>;
	/** In the unit of `Shaping`. */
	readonly range: readonly [least: number, most: number];
};

const timeUnits = [['s', 1000], ['ms', 1], ['us', 0.001]] as const;
const time = {words: 'a time with its unit, like 500us, 15ms or 1s', units: timeUnits} as const;

/**
netem counts in bytes a second, and takes no more than INT_MAX nanoseconds of jitter (net/sched/sch_netem.c). The other bounds are
what still makes sense.
*/
export const shapingForms: Readonly<Record<ShapingOption, Form>> = {
	rate: {words: 'a rate with its unit, like 500kbit, 10mbit or 1gbit', units: [['gbit', 1e9], ['mbit', 1e6], ['kbit', 1000], ['bit', 1]], range: [1000, 1e12]},
	delay: {...time, range: [0, 3_600_000]},
	jitter: {...time, range: [0, 2000]},
	loss: {words: 'a share like 1% or 0.5%', units: [['%', 1]], range: [0, 100]},
	queue: {words: 'a number of frames, like 1000', units: [['', 1]], range: [1, 1_000_000]},
};

/** In the order in which they are written. */
export const shapingOptions = Object.keys(shapingForms) as readonly ShapingOption[];

/** The options of several levels, the link's and then the end's: the last one that says something wins. */
export function mergeShaping(...levels: readonly ShapingOptions[]): ShapingOptions {
	return Object.fromEntries(levels.flatMap(level => shapingOptions.flatMap(option => level[option] === undefined ? [] : [[option, level[option]]])));
}

/** Reads each option by itself; those with a mistake are left out. */
export function readShaping(options: ShapingOptions): {shaping: Shaping; mistakes: ShapingMistake[]} {
	const mistakes: ShapingMistake[] = [];
	const values = shapingOptions.flatMap(option => {
		const text = options[option];
		const value = text === undefined ? 0 : readShapingOption(option, text);
		if (typeof value !== 'number') {
			mistakes.push(value);
		}

		return typeof value === 'number' && value > 0 ? [[option, value] as const] : [];
	});
	return {shaping: Object.fromEntries(values), mistakes};
}

/** @returns the value in the unit of `Shaping`, or what is wrong with it */
export function readShapingOption(option: ShapingOption, given: string | number): number | ShapingMistake {
	const {words, units, range: [least, most]} = shapingForms[option];
	const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([a-z%]*)$/i.exec(String(given)) ?? [];
	const size = units.find(([name]) => name === unit.toLowerCase())?.[1];
	const shown = typeof given === 'number' ? `${given}` : `"${printable(given)}"`;
	if (digits === undefined || size === undefined) {
		return {option, message: `${option} ${shown} cannot be read`, hint: `Write ${words}`};
	}

	const value = Number(digits) * size;
	if (value < least || value > most || (option === 'queue' && !Number.isInteger(value))) {
		return {option, message: `${option} ${shown} is out of range`, hint: `Give ${formatOption(option, least)} to ${formatOption(option, most)}`};
	}

	return value;
}

/** Options that mean nothing without another one. */
export function shapingConflicts({rate, delay, jitter, queue}: Shaping): ShapingMistake[] {
	const conflicts: ShapingMistake[] = [];
	if (jitter !== undefined && delay === undefined) {
		conflicts.push({option: 'jitter', message: 'jitter is given without a delay that it could vary', hint: 'Give delay as well'});
	} else if (jitter !== undefined && delay !== undefined && jitter > delay) {
		conflicts.push({option: 'jitter', message: `jitter ${formatOption('jitter', jitter)} is more than the delay of ${formatOption('delay', delay)}`, hint: 'Give at most the delay: no frame arrives before it was sent'});
	}

	if (queue !== undefined && rate === undefined) {
		conflicts.push({option: 'queue', message: 'queue is given without a rate that frames would wait for', hint: 'Give rate as well'});
	}

	return conflicts;
}

/** @throws InputError `shaping` with every mistake */
export function parseShaping(options: ShapingOptions): Shaping {
	const {shaping, mistakes} = readShaping(options);
	const all = mistakes.length > 0 ? mistakes : shapingConflicts(shaping);
	if (all.length > 0) {
		throw new InputError('shaping', all.map(shapingMistakeText).join('\n'));
	}

	return shaping;
}

export function shapingMistakeText({message, hint}: ShapingMistake): string {
	return `${message}. ${hint}.`;
}

/** As the prompt reads it: `rate 10mbit delay 15ms`. */
export function formatShaping(shaping: Shaping): string {
	return shapingOptions.flatMap(option => {
		const value = shaping[option];
		return value === undefined ? [] : [`${option} ${formatOption(option, value)}`];
	}).join(' ');
}

/** In the largest unit of which it is at least one. */
function formatOption(option: ShapingOption, value: number): string {
	const {units} = shapingForms[option];
	const [name, size] = units.find(each => value >= each[1]) ?? units.at(value === 0 ? 0 : -1) ?? ['', 1];
	return `${Number((value / size).toPrecision(12))}${name}`;
}

export function isShaped(shaping: Shaping | undefined): shaping is Shaping {
	return shaping !== undefined && Object.keys(shaping).length > 0;
}
