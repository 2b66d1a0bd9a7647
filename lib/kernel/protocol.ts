/** IP protocols as both connection trackers know them: their names, their numbers, and what tells two connections of one protocol apart. */
import {SecureNetError} from '../util/errors.ts';

/** Ports, of 0 to 65535, where the protocol has some; `icmp` of ICMP and ICMPv6 only. */
export type ProtocolFields = {
	readonly sport?: number;
	readonly dport?: number;
	readonly icmp?: {readonly id: number; readonly type: number; readonly code: number};
};

/** Names under which both trackers tell the fields. */
export type FieldName = 'sport' | 'dport' | 'id' | 'type' | 'code';

/** IP protocol numbers (IANA) by the names that trackers print. */
const protocolNumbers: ReadonlyMap<string, number> = new Map(Object.entries({icmp: 1, igmp: 2, tcp: 6, udp: 17, dccp: 33, gre: 47, icmpv6: 58, sctp: 132, udplite: 136}));
const protocolNames: ReadonlyMap<number, string> = new Map([...protocolNumbers].map(([name, number]) => [number, name]));
/** Open vSwitch prints ports of 0 for all others too, and 0 is a port that packets can have. */
const protocolsWithPorts: ReadonlySet<string> = new Set(['tcp', 'udp', 'dccp', 'sctp', 'udplite']);

/**
Protocol number of a name that the trackers print, or of the number they print when they know no name.

@throws SecureNetError `protocol` when it is neither
*/
export function protocolNumber(protocol: string): number {
	const number = protocolNumbers.get(protocol) ?? (/^\d{1,3}$/.test(protocol) ? Number(protocol) : undefined);
	if (number === undefined) {
		throw new SecureNetError('protocol', `The number of protocol "${protocol}" is not known`);
	}

	return number;
}

/** What `protocolNumber` reads: a name, or the number as text. */
export function protocolName(number: number): string {
	return protocolNames.get(number) ?? `${number}`;
}

/** The fields that a protocol has, each asked by its name. */
export function protocolFields(protocol: string, field: (name: FieldName) => number): ProtocolFields {
	if (protocolsWithPorts.has(protocol)) {
		return {sport: field('sport'), dport: field('dport')};
	}

	return protocol.startsWith('icmp') ? {icmp: {id: field('id'), type: field('type'), code: field('code')}} : {};
}
