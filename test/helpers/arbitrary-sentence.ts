/** Random rules in the short form of plans.ts, with every clause, for fast-check. */
import fc from 'fast-check';

/** Sets that the rules name. */
export const sets = {'sg:web': '10.0.1.1 10.0.1.2 fd01::1', 'sg:db': '10.0.2.1 fd02::1', 'peers:lab': '10.0.0.0/16 fd02::/64', 'sg:empty': ''};

/** The sets and the addresses are few, so that rules overlap. */
export function arbitrarySentence(): fc.Arbitrary<string> {
	const peer = fc.constantFrom('any', 'any', ...Object.keys(sets), ...Object.keys(sets).map(name => `!${name}`), '10.0.1.0/24', '10.0.2.1,fd02::1', '0.0.0.0/0', 'fd01::/64,192.0.2.0/24');
	const ports = fc.constantFrom('80', '80-90', '79,81-85,443', '1,3,5,7,9,11,13,15,17,19,21,23,25,27-28,80', '443');
	const traffic = fc.oneof(
		{weight: 3, arbitrary: fc.constantFrom('', 'tcp', 'udp', 'icmp', 'icmp 8|128', 'icmp 3/1|1/4', 'icmp 3', 'icmp |128', 'proto 0', 'proto 47', 'proto 6', 'proto 58')},
		{weight: 2, arbitrary: fc.tuple(fc.constantFrom('tcp', 'udp', 'sctp'), ports, ports, fc.nat(2)).map(([protocol, sport, dport, which]) => [`${protocol} dport ${dport}`, `${protocol} sport ${sport}`, `${protocol} sport ${sport} dport ${dport}`][which] ?? '')},
	);
	return fc.tuple(fc.constantFrom('allow', 'allow', 'deny', 'reject'), peer, peer, traffic, fc.subarray(['stateless', 'log', 'rate 5 7']))
		.map(([action, from, to, clause, flags]) => [action, from, 'to', to, clause, ...flags.filter(flag => action === 'allow' || !flag.startsWith('rate'))].filter(Boolean).join(' '));
}
