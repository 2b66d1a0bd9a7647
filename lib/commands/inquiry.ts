/** What `explain` and `matrix` ask about: `tcp 80`, `udp domain`, `tcp 8080 sport 80`, `icmp`. As a packet for the policy, and as a probe for the network. */
import {randomInt} from 'node:crypto';
import {portNamesOf} from '../kernel/port-names.ts';
import type {Packet} from '../policy/evaluate.ts';
import type {PortProtocol} from '../policy/model.ts';
import {readPorts} from '../policy/ports.ts';
import {type Reader, refuseDoubts} from '../policy/reader.ts';
import {protocolNumbers} from '../policy/traffic.ts';
import type {Probe} from '../probes/probe.ts';
import {type Address, formatAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';

/** `icmp` is an echo. */
export type Inquiry =
	| {readonly protocol: PortProtocol; readonly port: number; /** Source port; without it, a fresh one. */ readonly sport?: number}
	| {readonly protocol: 'icmp'};

export const inquiryUsage = 'tcp|udp|sctp PORT [sport PORT] | icmp';

/** Types of echo requests (RFC 792, RFC 4443). */
const echo = {4: 8, 6: 128} as const;
/** Dynamic ports, RFC 6335. */
const dynamicPorts = [49_152, 65_536] as const;
const ports = portNamesOf();

/** Undefined when the next word is none of it. @throws InputError `port`, `unknown-port`, `syntax` */
export function takeInquiry(reader: Reader): Inquiry | undefined {
	const protocol = reader.optional(['tcp', 'udp', 'sctp', 'icmp'] as const);
	if (protocol === undefined || protocol === 'icmp') {
		return protocol && {protocol};
	}

	const port = takePort(reader, protocol);
	return reader.optional(['sport']) === undefined ? {protocol, port} : {protocol, port, sport: takePort(reader, protocol)};
}

function takePort(reader: Reader, protocol: PortProtocol): number {
	const [range, ...others] = readPorts(reader, protocol, ports, 1);
	refuseDoubts(reader.doubts);
	if (!range || range.first !== range.last || others.length > 0) {
		throw new InputError('port', 'A packet goes to one port.', {column: reader.column, expected: ['port']});
	}

	return range.first;
}

/** The source port that was asked for, else one that no packet has been asked about lately: what belongs to a connection is not judged. */
export function sourcePort(inquiry: Inquiry): number {
	return hasSourcePort(inquiry) ? inquiry.sport : randomInt(...dynamicPorts);
}

/** The packet may then belong to a connection that is open. */
export function hasSourcePort(inquiry: Inquiry): inquiry is Inquiry & {readonly sport: number} {
	return inquiry.protocol !== 'icmp' && inquiry.sport !== undefined;
}

export function packetFor(inquiry: Inquiry, source: Address, destination: Address, sport: number): Packet {
	const {family} = source;
	return inquiry.protocol === 'icmp'
		? {source, destination, protocol: family === 4 ? protocolNumbers.icmp : protocolNumbers.icmp6, icmpType: echo[family], icmpCode: 0}
		: {source, destination, protocol: protocolNumbers[inquiry.protocol], sport, dport: inquiry.port};
}

export function probeFor(inquiry: Inquiry, from: string, to: string, {source, destination, sport}: Packet): Probe {
	const traffic = inquiry.protocol === 'icmp' ? {} : {[inquiry.protocol]: inquiry.port, ...sport === undefined ? {} : {sport}};
	return {from, to, source: formatAddress(source), destination: formatAddress(destination), ...traffic};
}

export function inquiryText(inquiry: Inquiry): string {
	return inquiry.protocol === 'icmp' ? 'icmp' : `${inquiry.protocol} ${inquiry.port}${hasSourcePort(inquiry) ? ` sport ${inquiry.sport}` : ''}`;
}
