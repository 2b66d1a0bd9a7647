/** Words of the commands that configure hosts and routers: nodes, interfaces, addresses, prefixes, numbers. Each mistake carries its column. */
import type {Reader} from '../policy/reader.ts';
import {isWithin} from '../topology/route-text.ts';
import {tryParseAddress, tryParsePrefix} from '../util/address.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import {printable, sortNames} from '../util/names.ts';
import type {Scene} from './command.ts';
import {takeNode} from './reading.ts';

/** The name of a host or router, and what else may be known of it. */
export type Station = {readonly name: string; readonly interfaces: () => readonly string[]};

export function takeStation(reader: Reader, scene: Scene): Station {
	const name = takeNode(reader, scene, 'host', 'router');
	return {name, interfaces: () => sortNames(scene.network.nodes.get(name)?.interfaces?.map(each => each.name) ?? [])};
}

/** Any name: whether the node has such an interface only its kernel knows. */
export function takeInterface(reader: Reader, {interfaces}: Station): string {
	return reader.take(['interface'], interfaces).text;
}

/** The name of an interface when one follows. */
export function optionalInterface(reader: Reader, station: Station): string | undefined {
	return reader.more(station.interfaces) ? takeInterface(reader, station) : undefined;
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
		throw new InputError('prefix', `"${printable(text)}" is not a prefix. Write it like 10.0.0.0/8 or fd00::/64, host bits zero.`, {column, expected: ['prefix', ...others]});
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

/** For work whose mistakes, the kernel's refusals too, are those of one word: they get its column. */
export function pointedAt<Result>(column: number, work: () => Result): Result {
	try {
		return work();
	} catch (error) {
		throw error instanceof SecureNetError ? error.locate({column}) : error;
	}
}
