/** Random rules with every kind of clause, for fast-check. Vocabularies say which peers, ports, services and protocols they name. */
import fc from 'fast-check';
import {icmpTypes} from '../../lib/policy/icmp-types.ts';
import {type Peer, type PortProtocol, type PortRange, type Rule, type RuleParts, type ServicePorts, type Traffic, defaultPrio} from '../../lib/policy/model.ts';
import {uniteRanges} from '../../lib/policy/ports.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import {fromBytes, networkOf} from '../../lib/util/address.ts';

/** Everything a rule can be, its id and its place aside. */
export type RandomRule = Required<Pick<RuleParts, 'action' | 'from' | 'to' | 'traffic' | 'stateful' | 'prio'>> & Omit<RuleParts, 'place'>;

/** What rules may say. */
export type Vocabulary = {
	/** Peers without `not` and lists, which are made of them. */
	readonly leaves: fc.Arbitrary<Peer>;
	readonly services: readonly string[];
	/** Protocols of rules with ports. */
	readonly portProtocols: readonly PortProtocol[];
	/** Port lists of rules. */
	readonly ports: fc.Arbitrary<readonly PortRange[]>;
	/** Protocols of rules that name them by number. */
	readonly protocols: fc.Arbitrary<number>;
	readonly prios: fc.Arbitrary<number>;
	/** Clauses that bear on no verdict: log, rate, comment and name. */
	readonly remarks: fc.Arbitrary<Pick<RuleParts, 'log' | 'rate' | 'comment' | 'name'>>;
};

export function arbitraryRuleOf(vocabulary: Vocabulary): fc.Arbitrary<RandomRule> {
	const peer = arbitraryPeer(vocabulary.leaves);
	const judged = fc.record({
		action: fc.constantFrom('allow', 'allow', 'allow', 'deny', 'reject'),
		from: peer,
		to: peer,
		traffic: arbitraryTraffic(vocabulary),
		stateful: fc.constantFrom(true, true, false),
		prio: vocabulary.prios,
	});
	return fc.tuple(judged, vocabulary.remarks).map(([rule, {rate, ...remarks}]) => ({...rule, ...remarks, ...rate && rule.action === 'allow' ? {rate} : {}}));
}

/** Rules of peers alone, that allow or deny. */
export function arbitraryPlainRule(leaves: fc.Arbitrary<Peer>): fc.Arbitrary<RandomRule> {
	return fc.record({action: fc.constantFrom('allow', 'allow', 'deny'), from: leaves, to: leaves}).map(parts => ({...parts, traffic: {kind: 'any'}, stateful: true, prio: defaultPrio}));
}

/** Data for `Policy.rules`: numbered as they come, in evaluation order. */
export function numberRules(rules: readonly RandomRule[]): Rule[] {
	return rules.map((rule, index) => ({id: index + 1, ...rule})).sort((a, b) => a.prio - b.prio || a.id - b.id);
}

/** In the order in which services keep their protocols. */
export function arbitraryService(portProtocols: readonly PortProtocol[], ports: Vocabulary['ports']): fc.Arbitrary<readonly ServicePorts[]> {
	return fc.uniqueArray(fc.record({protocol: fc.constantFrom(...portProtocols), dport: ports}), {selector: ({protocol}) => protocol, minLength: 1, maxLength: 3})
		.map(entries => entries.toSorted((a, b) => protocolNumbers[a.protocol] - protocolNumbers[b.protocol]));
}

function arbitraryPeer(leaves: fc.Arbitrary<Peer>): fc.Arbitrary<Peer> {
	const {peer} = fc.letrec<{peer: Peer}>(tie => ({
		peer: fc.oneof({maxDepth: 4, depthSize: 'small'},
			{weight: 6, arbitrary: leaves},
			{weight: 1, arbitrary: fc.record({kind: fc.constant('not'), peer: tie('peer')})},
			{weight: 1, arbitrary: fc.record({kind: fc.constant('list'), peers: fc.array(tie('peer'), {minLength: 1, maxLength: 3})})}),
	}));
	return peer;
}

function arbitraryTraffic({services, portProtocols, ports, protocols}: Vocabulary): fc.Arbitrary<Traffic> {
	const icmp = (protocol: 'icmp' | 'icmp6') => fc.constantFrom(undefined, ...icmpNames(protocol)).map((type): Traffic => ({kind: 'icmp', protocol, ...(type === undefined ? {} : {type})}));
	return fc.oneof(
		{weight: 4, arbitrary: fc.constant<Traffic>({kind: 'any'})},
		{weight: 5, arbitrary: fc.record({kind: fc.constant('ports'), protocol: fc.constantFrom(...portProtocols), sport: ports, dport: ports}, {requiredKeys: ['kind', 'protocol']})},
		{weight: 2, arbitrary: fc.oneof(icmp('icmp'), icmp('icmp6'))},
		{weight: 1, arbitrary: protocols.map((number): Traffic => ({kind: 'protocol', number}))},
		{weight: 2, arbitrary: fc.shuffledSubarray([...services], {minLength: 1}).map((names): Traffic => ({kind: 'services', names}))},
	);
}

/** As the grammar takes them: `icmp6` knows only what ICMPv6 has. */
function icmpNames(protocol: 'icmp' | 'icmp6'): string[] {
	return [...icmpTypes].filter(([, meaning]) => protocol === 'icmp' || meaning[6]).map(([name]) => name);
}

const port = fc.oneof(fc.constantFrom(0, 1, 80, 65_534, 65_535), fc.nat(65_535));
export const arbitraryPorts: fc.Arbitrary<readonly PortRange[]> = fc.array(fc.tuple(port, port), {minLength: 1, maxLength: 5})
	.map(pairs => uniteRanges(pairs.map(([a, b]) => ({first: Math.min(a, b), last: Math.max(a, b)}))));

const anyPrefix: fc.Arbitrary<Peer> = fc.oneof(fc.uint8Array({minLength: 4, maxLength: 4}), fc.uint8Array({minLength: 16, maxLength: 16}))
	.chain(bytes => fc.nat(bytes.length * 8).map(length => ({kind: 'prefix' as const, prefix: networkOf({address: fromBytes(bytes), length})})));
const text = fc.string({unit: 'grapheme', maxLength: 20}).filter(each => !/[\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}]/u.test(each));

/** Names what helpers/sentences.ts has; names of rules are those of a list, so that they may clash. */
export const arbitraryRule: fc.Arbitrary<RandomRule> = arbitraryRuleOf({
	leaves: fc.oneof(
		fc.constantFrom<Peer>({kind: 'any'}, {kind: 'group', name: 'sg1'}, {kind: 'ipg', name: 'office'}, {kind: 'node', name: 'h1'}, {kind: 'node', name: 'r1'}),
		anyPrefix,
	),
	services: ['web', 'dns'],
	portProtocols: ['tcp', 'udp', 'sctp'],
	ports: arbitraryPorts,
	protocols: fc.nat(255),
	prios: fc.oneof(fc.constant(defaultPrio), fc.nat(65_535)),
	remarks: fc.record({
		log: fc.record({text}),
		rate: fc.record({perSecond: fc.integer({min: 1, max: 10_000}), burst: fc.integer({min: 1, max: 10_000})}),
		name: fc.constantFrom('alpha', 'beta', 'Gamma-1', 'delta_2'),
		comment: text,
	}, {requiredKeys: []}),
});
