/** Words of the commands that configure hosts and routers: nodes, interfaces, addresses, prefixes, numbers. Each mistake carries its column. */
import type {Configurable} from '../node/configurable.ts';
import {indexOf} from '../node/names.ts';
import type {Reader} from '../policy/reader.ts';
import {isWithin, largestNumber} from '../topology/route-text.ts';
import type {NodeKind} from '../topology/specs.ts';
import {tryParseAddress, tryParsePrefix} from '../util/address.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import {nearestTo, printable, sortNames} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {Scene} from './command.ts';
import {takeNode} from './reading.ts';

/** The name of a host or router, and what else may be known of it. */
export type Station = {readonly name: string; readonly interfaces: () => readonly string[]};

/** What has addresses, routes and neighbours of its own. */
export const stationKinds: readonly NodeKind[] = ['host', 'router'];

export function takeStation(reader: Reader, scene: Scene): Station {
	const name = takeNode(reader, scene, ...stationKinds);
	return {name, interfaces: () => sortNames(scene.network.nodes.get(name)?.interfaces?.map(each => each.name) ?? [])};
}

/** Any name: whether the node has such an interface only its kernel knows, which `refuseUnknownInterfaces` asks. */
export function takeInterface(reader: Reader, {interfaces}: Station): Word {
	return reader.take(['interface'], interfaces);
}

/** @throws InputError `unknown-interface` with the column of the first word that names none of the node's */
export function refuseUnknownInterfaces(node: Configurable, words: readonly Word[]): void {
	for (const {text, column} of words) {
		pointedAt(column, () => indexOf(node, text));
	}
}

/** The name of an interface when one follows. */
export function optionalInterface(reader: Reader, station: Station): string | undefined {
	return reader.more(station.interfaces) ? takeInterface(reader, station).text : undefined;
}

/** @throws InputError `address` */
export function takeAddress(reader: Reader): string {
	const {text, column} = reader.take(['address'], () => []);
	if (!tryParseAddress(text)) {
		throw new InputError('address', `"${printable(text)}" is not an address. Write it like 10.0.0.1 or fd00::1.`, {column, expected: ['address']});
	}

	return text;
}

/** A prefix, an address alone, or one of the other words. @throws InputError `prefix` */
export function takePrefix(reader: Reader, others: readonly string[] = []): string {
	const {text, column} = reader.take(['prefix', ...others], () => others);
	if (!others.includes(text) && !tryParsePrefix(text)) {
		const {nearest, hint} = nearestTo(text, others);
		throw new InputError('prefix', `"${printable(text)}" is not a prefix.${hint} Write it like 10.0.0.0/8 or fd00::/64, host bits zero.`, {column, expected: ['prefix', ...others], nearest});
	}

	return text;
}

/** A whole number. @throws InputError `number` */
export function takeNumber(reader: Reader, what: string, first: number, last: number): number {
	const {text, column} = reader.take([what], () => []);
	const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
	if (!isWithin(number, first, last)) {
		throw new InputError('number', `"${printable(text)}" is no ${what}. Give ${first} to ${last}.`, {column, expected: [what]});
	}

	return number;
}

/** Tables that every namespace has, by the names that ip(8) knows. */
const tables: ReadonlyMap<string, number> = new Map([['default', 253], ['main', 254], ['local', 255]]);

/** The number of a routing table. @throws InputError `unknown-table` */
export function takeTable(reader: Reader): number {
	const names = [...tables.keys()];
	const {text, column} = reader.take(['number of a table', ...names], () => names);
	const number = tables.get(text) ?? (/^\d{1,10}$/.test(text) ? Number(text) : Number.NaN);
	if (!isWithin(number, 1, largestNumber)) {
		const {nearest, hint} = nearestTo(text, names);
		throw new InputError('unknown-table', `There is no table "${printable(text)}".${hint} Give 1 to ${largestNumber}, or one of ${names.join(', ')}.`, {column, expected: ['number of a table', ...names], nearest});
	}

	return number;
}

/** As `takeTable` reads it. */
export function tableText(table: number): string {
	return [...tables].find(([, number]) => number === table)?.[0] ?? String(table);
}

/** For work whose mistakes, the kernel's refusals too, are those of one word: they get its column. */
export function pointedAt<Result>(column: number, work: () => Result): Result {
	try {
		return work();
	} catch (error) {
		throw error instanceof SecureNetError ? error.locate({column}) : error;
	}
}
