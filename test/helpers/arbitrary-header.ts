/** Random headers of packets, half of them at the edges of what the rules of a policy name, for fast-check. */
import fc from 'fast-check';
import {icmpTypes} from '../../lib/policy/icmp-types.ts';
import type {Policy, PortRange, ServicePorts, Traffic} from '../../lib/policy/model.ts';
import {type Header, protocolNumbers} from '../../lib/policy/traffic.ts';
import type {Family} from '../../lib/util/address.ts';

export function arbitraryHeader(family: Family, {rules, services}: Policy): fc.Arbitrary<Header> {
	const icmp = family === 4 ? protocolNumbers.icmp : protocolNumbers.icmp6;
	const port = fc.constantFrom(0, 22, 80, 1024, 40_000, 65_535);
	const messages = [...icmpTypes.values()].flatMap(meaning => meaning[family] ?? []);
	const anything = fc.oneof(
		{weight: 4, arbitrary: fc.record({protocol: fc.constantFrom(protocolNumbers.tcp, protocolNumbers.tcp, protocolNumbers.udp, protocolNumbers.sctp), sport: port, dport: port})},
		{weight: 2, arbitrary: fc.record({protocol: fc.constant(icmp), icmpType: fc.constantFrom(255, ...messages.map(({type}) => type)), icmpCode: fc.constantFrom(0, 1, 3, 4)})},
		{weight: 1, arbitrary: fc.constantFrom(47, 50, 89).map(protocol => ({protocol}))},
	);
	const near = rules.map(({traffic}) => traffic).flatMap(traffic => traffic.kind === 'any' ? [] : headersNear(traffic, family, services));
	return near.length > 0 ? fc.oneof(anything, fc.oneof(...near)) : anything;
}

function headersNear(traffic: Exclude<Traffic, {kind: 'any'}>, family: Family, services: Policy['services']): Array<fc.Arbitrary<Header>> {
	switch (traffic.kind) {
		case 'ports':
			return [withPorts(traffic)];
		case 'services':
			return traffic.names.flatMap(name => services.get(name) ?? []).map(withPorts);
		case 'icmp': {
			const message = icmpTypes.get(traffic.type ?? 'echo-request')?.[family];
			const protocol = family === 4 ? protocolNumbers.icmp : protocolNumbers.icmp6;
			return message ? [fc.constantFrom(message.code ?? 0, 7).map(icmpCode => ({protocol, icmpType: message.type, icmpCode}))] : [];
		}

		case 'protocol':
			return [47, 50, 89, 255].includes(traffic.number) ? [fc.constant({protocol: traffic.number})] : [];
	}
}

function withPorts({protocol, sport, dport}: {readonly protocol: ServicePorts['protocol']; readonly sport?: readonly PortRange[]; readonly dport?: readonly PortRange[]}): fc.Arbitrary<Header> {
	return fc.record({protocol: fc.constant(protocolNumbers[protocol]), sport: fc.constantFrom(...edgesOf(sport)), dport: fc.constantFrom(...edgesOf(dport))});
}

/** The first and the last port of every range, and their neighbors outside. */
function edgesOf(ranges: readonly PortRange[] = [{first: 1024, last: 1024}]): number[] {
	return ranges.flatMap(({first, last}) => [first - 1, first, last, last + 1]).filter(port => port >= 0 && port <= 65_535);
}
