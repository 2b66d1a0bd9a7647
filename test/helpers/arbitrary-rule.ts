/** Random rules with every kind of clause, for fast-check; they name what helpers/sentences.ts has. */
import fc from 'fast-check';
import {icmpTypes} from '../../lib/policy/icmp-types.ts';
import type {Peer, PortRange, RuleParts, Traffic} from '../../lib/policy/model.ts';
import {uniteRanges} from '../../lib/policy/ports.ts';
import {fromBytes, networkOf} from '../../lib/util/address.ts';

const prefix: fc.Arbitrary<Peer> = fc.oneof(fc.uint8Array({minLength: 4, maxLength: 4}), fc.uint8Array({minLength: 16, maxLength: 16}))
	.chain(bytes => fc.nat(bytes.length * 8).map(length => ({kind: 'prefix' as const, prefix: networkOf({address: fromBytes(bytes), length})})));

const {peer} = fc.letrec<{peer: Peer}>(tie => ({
	peer: fc.oneof(
		{maxDepth: 4, depthSize: 'small'},
		fc.constantFrom<Peer>({kind: 'any'}, {kind: 'group', name: 'sg1'}, {kind: 'ipg', name: 'office'}, {kind: 'node', name: 'h1'}, {kind: 'node', name: 'r1'}),
		prefix,
		tie('peer').map(inner => ({kind: 'not' as const, peer: inner})),
		fc.array(tie('peer'), {minLength: 1, maxLength: 3}).map(peers => ({kind: 'list' as const, peers})),
	),
}));

const port = fc.oneof(fc.constantFrom(0, 1, 80, 65_534, 65_535), fc.nat(65_535));
export const arbitraryPorts: fc.Arbitrary<readonly PortRange[]> = fc.array(fc.tuple(port, port), {minLength: 1, maxLength: 5})
	.map(pairs => uniteRanges(pairs.map(([a, b]) => ({first: Math.min(a, b), last: Math.max(a, b)}))));

const ports = fc.record({kind: fc.constant('ports' as const), protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const), sport: arbitraryPorts, dport: arbitraryPorts}, {requiredKeys: ['kind', 'protocol']});
const icmp = fc.oneof(
	fc.record({kind: fc.constant('icmp' as const), protocol: fc.constant('icmp' as const), type: fc.constantFrom(...icmpTypes.keys())}, {requiredKeys: ['kind', 'protocol']}),
	fc.record({kind: fc.constant('icmp' as const), protocol: fc.constant('icmp6' as const), type: fc.constantFrom(...[...icmpTypes].filter(([, meaning]) => meaning[6]).map(([name]) => name))}, {requiredKeys: ['kind', 'protocol']}),
);
const traffic: fc.Arbitrary<Traffic> = fc.oneof(
	fc.constant({kind: 'any' as const}),
	ports,
	icmp,
	fc.nat(255).map(number => ({kind: 'protocol' as const, number})),
	fc.shuffledSubarray(['web', 'dns'], {minLength: 1}).map(names => ({kind: 'services' as const, names})),
);

const text = fc.string({unit: 'grapheme', maxLength: 20}).filter(each => !/[\p{Cc}\p{Cs}]/u.test(each));
const rate = fc.record({perSecond: fc.integer({min: 1, max: 10_000}), burst: fc.integer({min: 1, max: 10_000})});

/** Everything a rule can be, its id aside. Names are those of a list, so that they may clash. */
export const arbitraryRule: fc.Arbitrary<Required<Pick<RuleParts, 'traffic' | 'stateful' | 'prio'>> & Omit<RuleParts, 'place'>> = fc.record({
	action: fc.constantFrom('allow' as const, 'deny' as const, 'reject' as const),
	from: peer,
	to: peer,
	traffic,
	stateful: fc.boolean(),
	prio: fc.oneof(fc.constant(1000), fc.nat(65_535)),
	log: fc.record({text}),
	rate,
	name: fc.constantFrom('alpha', 'beta', 'Gamma-1', 'delta_2'),
	comment: text,
}, {requiredKeys: ['action', 'from', 'to', 'traffic', 'stateful', 'prio']}).map(rule => {
	const {rate: limit, ...rest} = rule;
	return limit === undefined || rule.action !== 'allow' ? rest : rule;
});
