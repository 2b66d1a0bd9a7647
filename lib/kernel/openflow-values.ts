/** Values of OpenFlow fields as flows write them: numbers, addresses, flags, each with the bits that matter. See ovs-fields(7). */
import {macBytes, tryParseAddress, tryParseMac, width} from '../util/address.ts';
import type {Family} from '../util/address.ts';
import {nearestTo} from '../util/names.ts';
import {WordError} from './openflow-errors.ts';

/** Bits outside of `mask` are zero in `value`; all bits are in the mask when the value is matched exactly. */
export type Masked = {readonly value: bigint; readonly mask: bigint};

/** Reads a value of so many bits. @throws WordError */
export type ReadValue = (text: string, bits: number) => Masked;

/** The tables above are Open vSwitch's own. */
export const lastTable = 253;
/** Port numbers with a meaning of their own. Inside Open vSwitch a port has 16 bits. */
const ports = new Map([['IN_PORT', 0xFF_F8], ['NORMAL', 0xFF_FA], ['FLOOD', 0xFF_FB], ['ALL', 0xFF_FC], ['CONTROLLER', 0xFF_FD], ['LOCAL', 0xFF_FE]]);
/** OFPP_MAX: the first number that is no port's own. */
const portLimit = 0xFF_00;

/** All masks of the lowest bits: every value needs one. */
const ones = Array.from({length: 129}, (_, bits) => (1n << BigInt(bits)) - 1n);

/** Flags of `ct_state`, lowest bit first. */
const connectionFlags = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
/** Flags of TCP (RFC 9293), lowest bit first. */
const tcpFlags = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'];

/** Bit 0: a fragment; bit 1: not the first one. */
const fragments: ReadonlyMap<string, Masked> = new Map([
	['no', {value: 0n, mask: 3n}],
	['yes', {value: 1n, mask: 1n}],
	['first', {value: 1n, mask: 3n}],
	['later', {value: 3n, mask: 3n}],
	['not_later', {value: 0n, mask: 2n}],
]);

/** @param bits up to 128 */
export function allOnes(bits: number): bigint {
	return ones[bits] ?? 0n;
}

/** `80`, `0x50`, `0x40/0xfff0` */
export const readNumber: ReadValue = (text, bits) => masked(text, bits, each => wholeNumber(each, bits));

/** `02:00:00:00:00:01`, with a mask of the same form */
export const readMac: ReadValue = (text, bits) => masked(text, bits, macNumber);

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0` */
export const readIpv4: ReadValue = text => readAddress(text, 4);

/** `fd00::/64`, `fd00::1/ffff::ffff` */
export const readIpv6: ReadValue = text => readAddress(text, 6);

/** `+trk-new`, or a number */
export const readConnectionState: ReadValue = (text, bits) => readFlags(text, bits, connectionFlags);

/** `+syn-ack`, or a number */
export const readTcpFlags: ReadValue = (text, bits) => readFlags(text, bits, tcpFlags);

/** `no`, `yes`, `first`, `later`, `not_later` */
export const readFragment: ReadValue = text => {
	const known = fragments.get(text);
	if (!known) {
		throw new WordError(text, `is none of ${[...fragments.keys()].join(', ')}`);
	}

	return known;
};

/** A number of a port, or the name of one with a meaning of its own. */
export const readPort: ReadValue = (text, bits) => ({value: BigInt(portNumber(text)), mask: allOnes(bits)});

/** @throws WordError */
export function portNumber(text: string): number {
	return namedPort(text) ?? smallNumber(text, portLimit - 1);
}

/** Undefined for a word that names no port; `normal` and `NORMAL` are one. */
export function namedPort(word: string): number | undefined {
	return ports.get(word.toUpperCase());
}

/** @throws WordError for what is no number, or one above `highest` */
export function smallNumber(text: string, highest: number): number {
	const number = wholeNumber(text, 64);
	if (number > BigInt(highest)) {
		throw new WordError(text, `is more than ${highest}`);
	}

	return Number(number);
}

/** @throws WordError */
export function wholeNumber(text: string, bits: number): bigint {
	if (!/^(?:\d+|0x[\da-f]+)$/i.test(text)) {
		throw new WordError(text, 'is no number');
	}

	const number = BigInt(text);
	if (number > allOnes(bits)) {
		throw new WordError(text, `has more than ${bits} bits`);
	}

	return number;
}

function masked(text: string, bits: number, read: (text: string) => bigint): Masked {
	const slash = text.indexOf('/');
	return slash === -1 ? {value: read(text), mask: allOnes(bits)} : inMask(text, read(text.slice(0, slash)), read(text.slice(slash + 1)));
}

/** ovs-ofctl would drop the bits quietly; who writes them means something else. */
function inMask(text: string, value: bigint, mask: bigint): Masked {
	if ((value & ~mask) !== 0n) {
		throw new WordError(text, 'has bits that are not in its mask');
	}

	return {value, mask};
}

function macNumber(text: string): bigint {
	const mac = tryParseMac(text);
	if (mac === undefined) {
		throw new WordError(text, 'is no MAC address');
	}

	return BigInt(`0x${Buffer.from(macBytes(mac)).toString('hex')}`);
}

function readAddress(text: string, family: Family): Masked {
	const [first = '', after] = text.split('/', 2);
	const bits = width(family);
	const mask = after === undefined ? allOnes(bits) : /^\d{1,3}$/.test(after) ? lengthMask(after, bits) : addressNumber(after, family);
	return inMask(text, addressNumber(first, family), mask);
}

function addressNumber(text: string, family: Family): bigint {
	const address = tryParseAddress(text);
	if (address?.family !== family) {
		throw new WordError(text, `is no IPv${family} address`);
	}

	return address.value;
}

function lengthMask(text: string, bits: number): bigint {
	const length = smallNumber(text, bits);
	return allOnes(length) << BigInt(bits - length);
}

/** Each flag once, with `+` when it must be set and `-` when it must not. */
function readFlags(text: string, bits: number, names: readonly string[]): Masked {
	if (!/^[+-]/.test(text)) {
		return readNumber(text, bits);
	}

	let value = 0n;
	let mask = 0n;
	for (const [, sign, name = ''] of text.matchAll(/([+-])([^+-]*)/g)) {
		const bit = flagBit(name, names);
		if ((mask & bit) !== 0n) {
			throw new WordError(text, `names ${name} twice`);
		}

		mask |= bit;
		value |= sign === '+' ? bit : 0n;
	}

	return {value, mask};
}

function flagBit(name: string, names: readonly string[]): bigint {
	const index = names.indexOf(name);
	if (index === -1) {
		throw new WordError(name, `is no flag.${nearestTo(name, names).hint}`);
	}

	return 1n << BigInt(index);
}
