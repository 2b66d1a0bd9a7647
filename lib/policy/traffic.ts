/** What packets a rule is about: resolved from the user's words to families, protocols and ports, and asked of a packet. */
import type {Family} from '../util/address.ts';
import type {TrafficMatch} from './filter-rule.ts';
import {icmpTypes} from './icmp-types.ts';
import type {Policy, PortProtocol, PortRange, Traffic} from './model.ts';
import {uniteRanges} from './ports.ts';

/** IP protocol numbers (IANA). */
export const protocolNumbers = {icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132} as const;

/** What a packet's traffic is judged by. */
export type Header = {
	/** IP protocol number; for IPv6 the one behind the extension headers. */
	readonly protocol: number;
	/** Of TCP, UDP and SCTP. */
	readonly sport?: number;
	readonly dport?: number;
	/** Of ICMP and ICMPv6. */
	readonly icmpType?: number;
	readonly icmpCode?: number;
};

const families: readonly Family[] = [4, 6];
const lastPort = 65_535;

/** What FilterRule.traffic holds: undefined for every IP packet, empty when no packet can match, such as for services without ports. */
export function trafficMatches(traffic: Traffic, services: Policy['services']): readonly TrafficMatch[] | undefined {
	switch (traffic.kind) {
		case 'any':
			return undefined;
		case 'ports':
			return families.map(family => portMatch(family, traffic.protocol, traffic.dport, traffic.sport));
		case 'icmp':
			return (traffic.protocol === 'icmp' ? families : [6 as const]).flatMap(family => icmpMatch(family, traffic.type));
		case 'protocol':
			return families.map(family => ({family, protocol: traffic.number}));
		case 'services':
			return serviceMatches(traffic.names, services);
	}
}

/** A packet without the ports or the type that are asked for, such as a later fragment, does not match. */
export function matchesTraffic(traffic: readonly TrafficMatch[] | undefined, family: Family, header: Header): boolean {
	return traffic === undefined || traffic.some(match => match.family === family && match.protocol === header.protocol
		&& holdsPort(match.sport, header.sport) && holdsPort(match.dport, header.dport)
		&& (match.icmpType ?? header.icmpType) === header.icmpType && (match.icmpCode ?? header.icmpCode) === header.icmpCode);
}

function holdsPort(ranges: readonly PortRange[] | undefined, port: number | undefined): boolean {
	return ranges === undefined || (port !== undefined && ranges.some(({first, last}) => first <= port && port <= last));
}

function portMatch(family: Family, protocol: PortProtocol, dport?: readonly PortRange[], sport?: readonly PortRange[]): TrafficMatch {
	return {family, protocol: protocolNumbers[protocol], ...portsOf('sport', sport), ...portsOf('dport', dport)};
}

/** Nothing when the family has no message of that name. */
function icmpMatch(family: Family, name: string | undefined): TrafficMatch[] {
	const protocol = family === 4 ? protocolNumbers.icmp : protocolNumbers.icmp6;
	if (name === undefined) {
		return [{family, protocol}];
	}

	const message = icmpTypes.get(name)?.[family];
	return message ? [{family, protocol, icmpType: message.type, ...(message.code === undefined ? {} : {icmpCode: message.code})}] : [];
}

/** Services of one protocol are united. */
function serviceMatches(names: readonly string[], services: Policy['services']): TrafficMatch[] {
	const ports = new Map<PortProtocol, PortRange[]>();
	for (const {protocol, dport} of names.flatMap(name => services.get(name) ?? [])) {
		ports.set(protocol, [...ports.get(protocol) ?? [], ...dport]);
	}

	return [...ports].flatMap(([protocol, ranges]) => {
		const united = uniteRanges(ranges);
		return united.length === 0 ? [] : families.map(family => portMatch(family, protocol, united));
	});
}

function portsOf(side: 'sport' | 'dport', ranges: readonly PortRange[] | undefined): Pick<TrafficMatch, 'sport' | 'dport'> {
	const [first] = ranges ?? [];
	const isEveryPort = first?.first === 0 && first.last === lastPort;
	return ranges && !isEveryPort ? {[side]: ranges} : {};
}
