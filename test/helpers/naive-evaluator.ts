/** POLICY read word by word: the verdict of a policy by the shortest way there is, with nothing prepared and no code of the program. */
import type {Packet, Verdict} from '../../lib/policy/evaluate.ts';
import type {Inventory} from '../../lib/policy/inventory.ts';
import type {IpgMember, Peer, Policy, PortRange, Traffic} from '../../lib/policy/model.ts';
import type {Address, Prefix} from '../../lib/util/address.ts';

/** Such as `allow 3 making a connection` for rule 3, or `deny perimeter`. */
export function naiveVerdict(policy: Policy, net: Inventory, packet: Packet): string {
	const {source, destination} = packet;
	const opens = packet.opens !== false;
	const made = (isMade: boolean): string => isMade ? ' making a connection' : '';
	if ([...net.routers.values()].some(({addresses}) => has(addresses, destination))) {
		return `allow router${made(opens)}`;
	}

	for (const {id, action, from, to, traffic, stateful} of [...policy.rules].sort((a, b) => a.prio - b.prio)) {
		const makes = action === 'allow' && stateful;
		if (isPeer(from, source, policy, net) && isPeer(to, destination, policy, net) && isTraffic(traffic, packet, policy) && !(makes && !opens)) {
			return `${action} ${id}${made(makes)}`;
		}
	}

	const [here, there] = [source, destination].map(address => net.domains.find(({subnets}) => subnets.some(subnet => holds(subnet, address))));
	if (here !== there && (here ? there !== undefined || here.perimeter : there?.perimeter)) {
		return 'deny perimeter';
	}

	const isBound = [...policy.groups.values()].some(members => [...members].some(host => has(net.hosts.get(host)?.addresses, destination)));
	return policy.isolation === 'all' ? 'deny isolated' : policy.isolation === 'bound' && isBound ? 'deny bound' : `allow open${made(opens)}`;
}

/** The model's verdict in the same words. */
export function wholeText({action, by, stateful}: Verdict): string {
	return `${action} ${by.kind === 'rule' ? by.rule.id : by.kind === 'default' ? by.reason : by.kind}${stateful ? ' making a connection' : ''}`;
}

function isPeer(peer: Peer, address: Address, policy: Policy, net: Inventory): boolean {
	switch (peer.kind) {
		case 'any':
			return true;
		case 'prefix':
			return holds(peer.prefix, address);
		case 'node':
			return has(net.hosts.get(peer.name)?.addresses, address) || has(net.routers.get(peer.name)?.addresses, address);
		case 'group':
			return [...policy.groups.get(peer.name) ?? []].some(host => has(net.hosts.get(host)?.addresses, address));
		case 'ipg':
			return isListed(policy.ipgs.get(peer.name) ?? [], address);
		case 'not':
			return !isPeer(peer.peer, address, policy, net);
		case 'list':
			return peer.peers.some(one => isPeer(one, address, policy, net));
	}
}

/** An exclusion always wins. */
function isListed(members: readonly IpgMember[], {family, value}: Address): boolean {
	const hits = members.filter(({first, last}) => first.family === family && first.value <= value && value <= last.value);
	return hits.some(({excluded}) => !excluded) && !hits.some(({excluded}) => excluded);
}

function isTraffic(traffic: Traffic, packet: Packet, {services}: Policy): boolean {
	const isVersion6 = packet.source.family === 6;
	switch (traffic.kind) {
		case 'any':
			return true;
		case 'ports':
			return packet.protocol === numbers[traffic.protocol] && isPort(traffic.sport, packet.sport) && isPort(traffic.dport, packet.dport);
		case 'icmp':
			return (traffic.protocol === 'icmp' || isVersion6) && packet.protocol === (isVersion6 ? 58 : 1) && isMessage(traffic.type, packet);
		case 'protocol':
			return packet.protocol === traffic.number;
		case 'services':
			return traffic.names.some(name => (services.get(name) ?? []).some(({protocol, dport}) => packet.protocol === numbers[protocol] && isPort(dport, packet.dport)));
	}
}

function isPort(ranges: readonly PortRange[] | undefined, port = -1): boolean {
	return ranges === undefined || ranges.some(({first, last}) => first <= port && port <= last);
}

function isMessage(name: string | undefined, {source, icmpType, icmpCode}: Packet): boolean {
	if (name === undefined) {
		return true;
	}

	const messages = icmpMessages[name];
	if (!messages) {
		throw new Error(`There is no ICMP message "${name}" in this table`);
	}

	const [type, code] = messages[source.family === 4 ? 0 : 1];
	return type === icmpType && (code === undefined || code === icmpCode);
}

function has(addresses: readonly Address[] | undefined, {family, value}: Address): boolean {
	return addresses?.some(own => own.family === family && own.value === value) ?? false;
}

function holds({family, value, length}: Prefix, address: Address): boolean {
	const rest = BigInt((family === 4 ? 32 : 128) - length);
	return family === address.family && value >> rest === address.value >> rest;
}

const numbers = {tcp: 6, udp: 17, sctp: 132} as const;

type Message = readonly [type?: number, code?: number];

/** Of ICMP and of ICMPv6, copied from the IANA registries: a second writing of what icmp-types.ts has. */
const icmpMessages: Readonly<Record<string, readonly [Message, Message]>> = {
	'echo-reply': [[0], [129]],
	'destination-unreachable': [[3], [1]],
	'network-unreachable': [[3, 0], [1, 0]],
	'host-unreachable': [[3, 1], [1, 3]],
	'protocol-unreachable': [[3, 2], [4, 1]],
	'port-unreachable': [[3, 3], [1, 4]],
	'fragmentation-needed': [[3, 4], []],
	'admin-prohibited': [[3, 13], [1, 1]],
	'redirect': [[5], [137]],
	'echo-request': [[8], [128]],
	'router-advertisement': [[9], [134]],
	'router-solicitation': [[10], [133]],
	'time-exceeded': [[11], [3]],
	'parameter-problem': [[12], [4]],
	'timestamp-request': [[13], []],
	'timestamp-reply': [[14], []],
	'packet-too-big': [[], [2]],
	'listener-query': [[], [130]],
	'listener-report': [[], [131]],
	'listener-done': [[], [132]],
	'neighbor-solicitation': [[], [135]],
	'neighbor-advertisement': [[], [136]],
};
