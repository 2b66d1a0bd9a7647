/** The members of an address set (IPG): an address, a prefix or a range, perhaps excluded; read, compared and resolved to prefixes. */
import type {Word} from '../util/words.ts';
import {compareAddresses, formatAddress, formatPrefix, networkOf, sameAddress, tryParseAddress, tryParseInterfaceAddress, tryParsePrefix} from '../util/address.ts';
import type {Address, Prefix} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {IpgMember} from './model.ts';
import {difference, rangeOf} from './prefix-set.ts';
import type {AddressRange} from './prefix-set.ts';

/*
The grammar of a member.
- MEMBER := [!] (ADDRESS | PREFIX | FIRST-LAST)
- `!` leaves addresses out. An exclusion always wins, whatever the order of the members.
- FIRST-LAST holds both ends, which are of one family.
*/

const memberKinds: readonly string[] = ['address', 'prefix', 'first-last', '!'];

/** @throws InputError with the column of the mistake and what was expected there */
export function parseMember({text, column}: Omit<Word, 'raw'>): IpgMember {
	const excluded = text.startsWith('!');
	const body = {text: text.slice(excluded ? 1 : 0), column: column + (excluded ? 1 : 0)};
	const {range, normal} = body.text.includes('-') ? readRange(body) : readPrefix(body);
	return {excluded, ...range, text: `${excluded ? '!' : ''}${normal}`};
}

/** Equal for members that say the same however they were written: 10.0.0.0/24 and 10.0.0.0-10.0.0.255 do. */
export function memberKey({excluded, first, last}: IpgMember): string {
	return `${excluded ? '!' : ''}${first.family}:${first.value}-${last.value}`;
}

/** The addresses an IPG stands for: its members less its exclusions, as the fewest disjoint prefixes. */
export function resolveMembers(members: readonly IpgMember[]): Prefix[] {
	return difference(members.filter(({excluded}) => !excluded), members.filter(({excluded}) => excluded));
}

/** Order of listings: by address, exclusions after what is included. */
export function compareMembers(a: IpgMember, b: IpgMember): number {
	return Number(a.excluded) - Number(b.excluded) || compareAddresses(a.first, b.first) || compareAddresses(a.last, b.last);
}

type Body = {readonly text: string; readonly column: number};
type Read = {readonly range: AddressRange; readonly normal: string};

function readPrefix({text, column}: Body): Read {
	const prefix = tryParsePrefix(text);
	if (prefix) {
		return {range: rangeOf(prefix), normal: formatPrefix(prefix)};
	}

	const subnet = tryParseInterfaceAddress(text);
	if (subnet) {
		const network = formatPrefix(networkOf(subnet));
		throw new InputError('address', `"${printable(text)}" has host bits set. Its network is ${network}, its address alone ${formatAddress(subnet.address)}.`, {column, expected: memberKinds, nearest: [network, formatAddress(subnet.address)]});
	}

	throw new InputError('address', `"${printable(text)}" is not an address, a prefix or a range. Write it like 10.0.0.1, 10.0.0.0/24 or 10.0.0.1-10.0.0.9, with ! in front to leave it out.`, {column, expected: memberKinds, nearest: []});
}

function readRange({text, column}: Body): Read {
	const [firstText = '', ...rest] = text.split('-');
	const lastText = rest.join('-');
	const lastColumn = column + firstText.length + 1;
	const first = readEnd(firstText, column);
	const last = readEnd(lastText, lastColumn);
	if (first.family !== last.family) {
		throw new InputError('range', `The range "${printable(text)}" mixes IPv4 and IPv6. Write one member for each.`, {column: lastColumn, expected: [`IPv${first.family} address`], nearest: []});
	}

	if (first.value > last.value) {
		const turned = `${formatAddress(last)}-${formatAddress(first)}`;
		throw new InputError('range', `The range "${printable(text)}" ends before it begins. Write ${turned}.`, {column, expected: ['first-last'], nearest: [turned]});
	}

	return {range: {first, last}, normal: sameAddress(first, last) ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`};
}

function readEnd(text: string, column: number): Address {
	const address = tryParseAddress(text);
	if (!address) {
		throw new InputError('range', `"${printable(text)}" is not an address. Write a range like 10.0.0.1-10.0.0.9.`, {column, expected: ['address'], nearest: []});
	}

	return address;
}
