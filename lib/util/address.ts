/** IPv4 and IPv6 addresses, prefixes, ranges and MAC addresses as plain values. Text is read and written by ipaddr.js. */
import ipaddr from 'ipaddr.js';
import {InputError} from './errors.ts';
import {printable} from './names.ts';

export type Family = 4 | 6;

/** One address; `value` is the whole address as an unsigned number, most significant byte first. */
export type Address = {readonly family: Family; readonly value: bigint};

/** A block of addresses; the host bits of `value` are zero. A single address has the length of its family. */
export type Prefix = {readonly family: Family; readonly value: bigint; readonly length: number};

/** An address on an interface with the length of its subnet, such as 10.0.0.1/24. */
export type InterfaceAddress = {readonly address: Address; readonly length: number};

/** Bits in an address of the family. */
export function width(family: Family): 32 | 128 {
	return family === 4 ? 32 : 128;
}

/** Undefined when the text is no address. Only the full dotted form of IPv4 counts (no `10.1`, no octal). */
export function tryParseAddress(text: string): Address | undefined {
	// The library throws and catches an error to find out that a text is no IPv4 address: most of the time that reading many addresses would take.
	if (/^[\d.]+$/.test(text) && ipaddr.IPv4.isValidFourPartDecimal(text)) {
		return fromBytes(ipaddr.IPv4.parse(text).toByteArray());
	}

	return text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text) ? fromBytes(ipaddr.IPv6.parse(text).toByteArray()) : undefined;
}

/** @throws InputError `address` */
export function parseAddress(text: string): Address {
	const address = tryParseAddress(text);
	if (!address) {
		throw new InputError('address', `"${printable(text)}" is not an address. Write it like 10.0.0.1 or fd00::1.`, {expected: ['address']});
	}

	return address;
}

/** Reads `10.0.0.1/24`; without a length the address stands alone (/32, /128). Undefined when it is neither. */
export function tryParseInterfaceAddress(text: string): InterfaceAddress | undefined {
	const [addressText = '', lengthText, ...rest] = text.split('/');
	const address = tryParseAddress(addressText);
	if (!address || rest.length > 0) {
		return undefined;
	}

	if (lengthText === undefined) {
		return {address, length: width(address.family)};
	}

	const length = Number(lengthText);
	return /^\d{1,3}$/.test(lengthText) && length <= width(address.family) ? {address, length} : undefined;
}

/** @throws InputError `address` */
export function parseInterfaceAddress(text: string): InterfaceAddress {
	const parsed = tryParseInterfaceAddress(text);
	if (!parsed) {
		throw new InputError('address', `"${printable(text)}" is not an address with a prefix length. Write it like 10.0.0.1/24 or fd00::1/64.`, {expected: ['address/length']});
	}

	return parsed;
}

/** Reads a prefix or a single address. Undefined when it is neither or when host bits are set. */
export function tryParsePrefix(text: string): Prefix | undefined {
	const parsed = tryParseInterfaceAddress(text);
	if (!parsed) {
		return undefined;
	}

	const prefix = networkOf(parsed);
	return prefix.value === parsed.address.value ? prefix : undefined;
}

/** @throws InputError `prefix`, naming the network when only host bits are set. */
export function parsePrefix(text: string): Prefix {
	const prefix = tryParsePrefix(text);
	if (!prefix) {
		const parsed = tryParseInterfaceAddress(text);
		const hint = parsed ? `has host bits set; its network is ${formatPrefix(networkOf(parsed))}` : 'is not a prefix. Write it like 10.0.0.0/8 or fd00::/64';
		throw new InputError('prefix', `"${printable(text)}" ${hint}.`, {expected: ['prefix']});
	}

	return prefix;
}

/** The subnet an interface address lies in. */
export function networkOf({address, length}: InterfaceAddress): Prefix {
	const hostBits = BigInt(width(address.family) - length);
	return {family: address.family, value: (address.value >> hostBits) << hostBits, length};
}

/** The prefix that holds just this address. */
export function prefixOf(address: Address): Prefix {
	return {...address, length: width(address.family)};
}

export function lastOf(prefix: Prefix): bigint {
	return prefix.value + (1n << BigInt(width(prefix.family) - prefix.length)) - 1n;
}

export function contains(prefix: Prefix, address: Address): boolean {
	return prefix.family === address.family && address.value >= prefix.value && address.value <= lastOf(prefix);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
	return a.family === b.family && a.value <= lastOf(b) && b.value <= lastOf(a);
}

/** The fewest prefixes that hold exactly the addresses from `first` to `last`, in order. */
export function rangePrefixes(family: Family, first: bigint, last: bigint): Prefix[] {
	const prefixes: Prefix[] = [];
	let value = first;
	while (value <= last) {
		let bits = 0;
		while (bits < width(family) && (value & ((1n << BigInt(bits + 1)) - 1n)) === 0n && value + (1n << BigInt(bits + 1)) - 1n <= last) {
			bits++;
		}

		prefixes.push({family, value, length: width(family) - bits});
		value += 1n << BigInt(bits);
	}

	return prefixes;
}

export function addressBytes({family, value}: Address): Uint8Array {
	const bytes = new Uint8Array(width(family) / 8);
	let rest = value;
	for (let index = bytes.length - 1; index >= 0; index--) {
		bytes[index] = Number(rest & 0xFFn);
		rest >>= 8n;
	}

	return bytes;
}

/** @param bytes 4 or 16 bytes in network order */
export function fromBytes(bytes: ArrayLike<number>): Address {
	let value = 0n;
	for (const byte of Array.from(bytes)) {
		value = (value << 8n) | BigInt(byte);
	}

	return {family: bytes.length === 4 ? 4 : 6, value};
}

/** RFC 5952 for IPv6, dotted quad for IPv4. */
export function formatAddress(address: Address): string {
	if (address.family === 4) {
		const value = Number(address.value);
		return `${value >>> 24}.${(value >>> 16) & 0xFF}.${(value >>> 8) & 0xFF}.${value & 0xFF}`;
	}

	return new ipaddr.IPv6([...addressBytes(address)]).toRFC5952String();
}

export function formatInterfaceAddress({address, length}: InterfaceAddress): string {
	return `${formatAddress(address)}/${length}`;
}

/** A single address is written without its length. */
export function formatPrefix(prefix: Prefix): string {
	return prefix.length === width(prefix.family) ? formatAddress(prefix) : `${formatAddress(prefix)}/${prefix.length}`;
}

/** Family, then value: the order of every listing of addresses. */
export function compareAddresses(a: Address, b: Address): number {
	return a.family - b.family || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
}

export function sameAddress(a: Address, b: Address): boolean {
	return a.family === b.family && a.value === b.value;
}

/** Whether the address is valid on its own link only (fe80::/10, RFC 4291), so that it never passes a router. */
export function isLinkLocal({family, value}: Address): boolean {
	return family === 6 && value >> 118n === 0xFE80n >> 6n;
}

/** A MAC address is text: six lower-case hexadecimal bytes with colons. */
export type Mac = string;

export function tryParseMac(text: string): Mac | undefined {
	return /^([\da-f]{2}:){5}[\da-f]{2}$/i.test(text) ? text.toLowerCase() : undefined;
}

export function macBytes(mac: Mac): Uint8Array {
	return Uint8Array.from(mac.split(':'), byte => Number.parseInt(byte, 16));
}

/** A locally administered MAC that ends in the number: 1 → 02:00:00:00:00:01. */
export function macFromNumber(number: number): Mac {
	const hex = number.toString(16).padStart(10, '0');
	return `02:${hex.match(/../g)?.join(':') ?? ''}`;
}

/** The link-local address the kernel derives from a MAC (RFC 4291, appendix A: modified EUI-64). */
export function linkLocalAddress(mac: Mac): Address {
	const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macBytes(mac);
	return fromBytes([0xFE, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xFF, 0xFE, d, e, f]);
}
