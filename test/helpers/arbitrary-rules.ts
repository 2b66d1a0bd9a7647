/** Random rules of every clause that bears on a verdict, and headers at the edges of what they name, for fast-check. */
import fc from 'fast-check';
import {icmpTypes} from '../../lib/policy/icmp-types.ts';
import {type Peer, type Policy, type PortProtocol, type PortRange, type Rule, type RuleParts, type ServicePorts, type Traffic, defaultPrio} from '../../lib/policy/model.ts';
import {uniteRanges} from '../../lib/policy/ports.ts';
import {type Header, protocolNumbers} from '../../lib/policy/traffic.ts';
import type {Family} from '../../lib/util/address.ts';

/** What leaves nothing open: the parts of a sentence without a place, a log or a rate. */
export type PlainRule = Required<Pick<RuleParts, 'action' | 'from' | 'to' | 'traffic' | 'stateful' | 'prio'>>;

/** What rules may say beside their peers. */
export type Vocabulary = {
	readonly services: readonly string[];
	/** Protocols of rules with ports and of services. */
	readonly protocols: readonly PortProtocol[];
	/** False: plain peers, allow and deny, nothing else. */
	readonly clauses: boolean;
};

export function arbitraryRule(leaves: fc.Arbitrary<Peer>, {services, protocols, clauses}: Vocabulary): fc.Arbitrary<PlainRule> {
	if (!clauses) {
		return fc.record({action: fc.constantFrom('allow', 'allow', 'deny'), from: leaves, to: leaves}).map(parts => ({...parts, traffic: {kind: 'any'}, stateful: true, prio: defaultPrio}));
	}

	const peer = arbitraryPeer(leaves);
	return fc.record({
		action: fc.constantFrom('allow', 'allow', 'allow', 'deny', 'reject'),
		from: peer,
		to: peer,
		traffic: arbitraryTraffic(services, protocols),
		stateful: fc.constantFrom(true, true, false),
		prio: fc.constantFrom(defaultPrio, defaultPrio, 0, 500, 2000),
	});
}

/** Data for `Policy.rules`: numbered as they come, in evaluation order. */
export function numberRules(rules: readonly PlainRule[]): Rule[] {
	return rules.map((rule, index) => ({id: index + 1, ...rule})).sort((a, b) => a.prio - b.prio || a.id - b.id);
}

/** In the order in which services keep their protocols. */
export function arbitraryService(protocols: readonly PortProtocol[]): fc.Arbitrary<readonly ServicePorts[]> {
	return fc.uniqueArray(fc.record({protocol: fc.constantFrom(...protocols), dport: arbitraryRanges()}), {selector: ({protocol}) => protocol, minLength: 1, maxLength: 3})
		.map(entries => entries.toSorted((a, b) => protocolNumbers[a.protocol] - protocolNumbers[b.protocol]));
}

function arbitraryPeer(leaves: fc.Arbitrary<Peer>): fc.Arbitrary<Peer> {
	const {peer} = fc.letrec<{peer: Peer}>(tie => ({
		peer: fc.oneof({maxDepth: 3, depthSize: 'small'},
			{weight: 6, arbitrary: leaves},
			{weight: 1, arbitrary: fc.record({kind: fc.constant('not'), peer: tie('peer')})},
			{weight: 1, arbitrary: fc.record({kind: fc.constant('list'), peers: fc.array(tie('peer'), {minLength: 1, maxLength: 3})})}),
	}));
	return peer;
}

function arbitraryTraffic(services: readonly string[], protocols: readonly PortProtocol[]): fc.Arbitrary<Traffic> {
	const ranges = arbitraryRanges();
	const icmp = (protocol: 'icmp' | 'icmp6') => fc.constantFrom(undefined, ...icmpNames(protocol)).map((type): Traffic => ({kind: 'icmp', protocol, ...(type === undefined ? {} : {type})}));
	return fc.oneof(
		{weight: 4, arbitrary: fc.constant<Traffic>({kind: 'any'})},
		{weight: 5, arbitrary: fc.record({kind: fc.constant('ports'), protocol: fc.constantFrom(...protocols), sport: ranges, dport: ranges}, {requiredKeys: ['kind', 'protocol']})},
		{weight: 2, arbitrary: fc.oneof(icmp('icmp'), icmp('icmp6'))},
		{weight: 1, arbitrary: fc.constantFrom(1, 6, 17, 47, 50, 58, 89, 132, 255).map((number): Traffic => ({kind: 'protocol', number}))},
		{weight: 2, arbitrary: fc.subarray([...services], {minLength: 1}).map((names): Traffic => ({kind: 'services', names}))},
	);
}

/** As the grammar takes them: `icmp6` knows only what ICMPv6 has. */
function icmpNames(protocol: 'icmp' | 'icmp6'): string[] {
	return [...icmpTypes].filter(([, meaning]) => protocol === 'icmp' || meaning[6]).map(([name]) => name);
}

function arbitraryRanges(): fc.Arbitrary<PortRange[]> {
	return fc.subarray(ports.map(([first, last]) => ({first, last})), {minLength: 1, maxLength: 4}).map(uniteRanges);
}

const ports = [[0, 0], [22, 22], [80, 80], [80, 90], [91, 443], [1000, 1023], [1024, 65_535], [65_535, 65_535], [5, 60_000]] as const;

/** Packets of each kind, half of them at the edges of a rule's ports, types or protocols. */
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
