/** Ports in a sentence: one, a range, a name, or several in braces. */
import {InputError} from '../util/errors.ts';
import {nearestTo, printable, sortNames} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {PortProtocol, PortRange} from './model.ts';
import {type PortNames, knownPorts} from './port-names.ts';
import type {Manner, Reader} from './reader.ts';

/*
The grammar of ports.
- PORTS := PORT | { PORT, PORT … }
- PORT := NUMBER | FIRST-LAST | NAME
- Braces and commas need no spaces.
*/

const manner: Manner = {marks: '{},'};
const portKinds: readonly string[] = ['port', 'first-last', 'name of a port'];
const lastPort = 65_535;

/**
@param least 1 where packets go to the ports: no connection to port 0 is ever tracked, so 0 alone is a doubt of the reader. A range may begin there all the same, such as 0-1023.
@throws InputError `port`, `unknown-port`, `syntax` with the column of the mistake
*/
export function readPorts(reader: Reader, protocol: PortProtocol, names: PortNames = knownPorts, least: 0 | 1 = 0): PortRange[] {
	if (!reader.optional(['{'], manner)) {
		return [readPort(reader, protocol, names, least)];
	}

	const ranges = [readPort(reader, protocol, names, least)];
	while (reader.oneOf([',', '}'], manner) === ',') {
		ranges.push(readPort(reader, protocol, names, least));
	}

	return uniteRanges(ranges);
}

/** Normal form, such as `80`, `80-90` or `{80,443,8000-8080}`. */
export function portsText(ranges: readonly PortRange[]): string {
	const texts = ranges.map(({first, last}) => first === last ? String(first) : `${first}-${last}`);
	return texts.length === 1 ? texts.join('') : `{${texts.join(',')}}`;
}

/** The same ports as ranges that are sorted, disjoint and do not touch. */
export function uniteRanges(ranges: readonly PortRange[]): PortRange[] {
	const united: PortRange[] = [];
	for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
		const previous = united.at(-1);
		if (previous && range.first <= previous.last + 1) {
			united[united.length - 1] = {first: previous.first, last: Math.max(previous.last, range.last)};
		} else {
			united.push(range);
		}
	}

	return united;
}

function readPort(reader: Reader, protocol: PortProtocol, names: PortNames, least: number): PortRange {
	const word = reader.take(portKinds, () => sortNames(names.namesFor(protocol)), manner);
	const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(word.text) ?? [];
	const range = first === undefined || last === undefined ? readName(word, protocol, names) : rangeOf(word, Number(first), Number(last));
	if (range.last < least) {
		reader.doubts.push(new InputError('port', `"${printable(word.text)}" is no port. Give ${least} to ${lastPort}.`, {column: word.column, expected: portKinds, nearest: []}));
	}

	return range;
}

function rangeOf({text, column}: Word, first: number, last: number): PortRange {
	if (Math.max(first, last) > lastPort) {
		throw new InputError('port', `"${printable(text)}" is beyond the last port, ${lastPort}.`, {column, expected: portKinds, nearest: []});
	}

	if (first > last) {
		const turned = `${last}-${first}`;
		throw new InputError('port', `The range "${text}" ends before it begins. Write ${turned}.`, {column, expected: portKinds, nearest: [turned]});
	}

	return {first, last};
}

function readName({text, column}: Word, protocol: PortProtocol, names: PortNames): PortRange {
	const port = names.numberOf(text, protocol);
	if (port === undefined) {
		const {nearest, hint} = nearestTo(text, names.namesFor(protocol));
		throw new InputError('unknown-port', `There is no ${protocol} port "${printable(text)}".${hint} Write a number, a range like 80-90, several like {80,443}, or a name of /etc/services.`, {column, expected: portKinds, nearest});
	}

	return {first: port, last: port};
}
