/** Connections on the wire of ctnetlink: how the kernel tells one, and how one is named in a request. */
import {addressBytes, formatAddress, fromBytes, parseAddress} from '../util/address.ts';
import {stateName} from './connection-states.ts';
import type {TrackedConnection} from './conntrack.ts';
import {Attributes} from './netlink-attributes.ts';
import {NLA_F_NESTED, nfHeaderLength, readFamily} from './nfnetlink.ts';
import {type FieldName, protocolFields, protocolName} from './protocol.ts';
import type {Request} from './rtnetlink.ts';

/** Message types of linux/netfilter/nfnetlink_conntrack.h: subsystem 1, and the message's number. */
export const ctMessage = {get: 0x1_01, delete: 0x1_02} as const;
/** A mark, and the bits of it that count. */
export type MarkMatch = {readonly value: number; readonly mask: number};

/** Attributes of linux/netfilter/nfnetlink_conntrack.h. */
const cta = {tupleOriginal: 1 | NLA_F_NESTED, protocolInfo: 4, mark: 8, zone: 18, markMask: 21, ip: 1 | NLA_F_NESTED, protocol: 2 | NLA_F_NESTED, number: 1} as const;
/** Whose states are told, each within an attribute of its own. */
const ctaInfo: Readonly<Record<string, number>> = {tcp: 1, sctp: 3};
const ctaState = 1;
const ctaAddresses = {4: {source: 1, destination: 2}, 6: {source: 3, destination: 4}} as const;
const ctaFields = {sport: 2, dport: 3, id: 4, type: 5, code: 6} as const;
const ctaFieldsOfIcmpv6 = {...ctaFields, id: 7, type: 8, code: 9} as const;

/** Narrows a dump to connections whose mark has the value in the bits of the mask. */
export function writeMark(request: Request, {value, mask}: MarkMatch): void {
	request.attribute(cta.mark, word(value)).attribute(cta.markMask, word(mask));
}

/** @param number of the connection's protocol */
export function writeConnection(request: Request, connection: TrackedConnection, number: number): void {
	const {family, zone, source, destination} = connection;
	request.nested(cta.tupleOriginal, () => {
		request.nested(cta.ip, () => {
			request.attribute(ctaAddresses[family].source, addressBytes(parseAddress(source)));
			request.attribute(ctaAddresses[family].destination, addressBytes(parseAddress(destination)));
		});
		request.nested(cta.protocol, () => {
			request.attribute(cta.number, byte(number));
			writeFields(request, connection);
		});
	});
	if (zone !== undefined) {
		request.attribute(cta.zone, half(zone));
	}
}

function writeFields(request: Request, {protocol, sport, dport, icmp}: TrackedConnection): void {
	const types = fieldTypes(protocol);
	if (icmp) {
		request.attribute(types.id, half(icmp.id)).attribute(types.type, byte(icmp.type)).attribute(types.code, byte(icmp.code));
	} else if (sport !== undefined || dport !== undefined || protocol === 'gre') {
		request.attribute(types.sport, half(sport ?? 0)).attribute(types.dport, half(dport ?? 0));
	}
}

/** @param payload what follows the netlink header; the kernel leaves out a mark of 0 and zone 0 */
export function readConnection(payload: Buffer): TrackedConnection {
	const family = readFamily(payload);
	const attributes = new Attributes(payload, nfHeaderLength);
	const tuple = attributes.nested(cta.tupleOriginal);
	const addresses = tuple.nested(cta.ip);
	const numbers = tuple.nested(cta.protocol);
	const protocol = protocolName(numbers.number(cta.number) ?? 0);
	const types = fieldTypes(protocol);
	const zone = attributes.number(cta.zone);
	return {
		family,
		protocol,
		source: textOf(addresses.bytes(ctaAddresses[family].source)),
		destination: textOf(addresses.bytes(ctaAddresses[family].destination)),
		...protocolFields(protocol, name => numbers.number(types[name]) ?? 0),
		...stateOf(protocol, attributes),
		mark: attributes.number(cta.mark) ?? 0,
		...(zone === undefined ? {} : {zone}),
	};
}

function stateOf(protocol: string, attributes: Attributes): Pick<TrackedConnection, 'state'> {
	const info = ctaInfo[protocol];
	const number = info === undefined ? undefined : attributes.nested(cta.protocolInfo).nested(info).number(ctaState);
	return number === undefined ? {} : {state: stateName(protocol, number)};
}

function fieldTypes(protocol: string): Readonly<Record<FieldName, number>> {
	return protocol === 'icmpv6' ? ctaFieldsOfIcmpv6 : ctaFields;
}

/** Of IPv4 without the detour over a big number: tables are long. */
function textOf(address: Buffer): string {
	return address.length === 4 ? `${address[0]}.${address[1]}.${address[2]}.${address[3]}` : formatAddress(fromBytes(address));
}

function byte(value: number): Uint8Array {
	return Uint8Array.of(value);
}

/** Two bytes in network order. */
function half(value: number): Uint8Array {
	return Uint8Array.of(value >> 8, value);
}

/** Four bytes in network order. */
function word(value: number): Uint8Array {
	return Uint8Array.of(value >>> 24, value >> 16, value >> 8, value);
}
