/** Which pairs of hosts get another verdict by a new rule, found with packets that stand for all that the rule is about. */
import {isLinkLocal} from '../util/address.ts';
import type {Address, Family} from '../util/address.ts';
import {evaluator, membership} from './evaluate.ts';
import type {TrafficMatch} from './filter-rule.ts';
import type {Inventory} from './inventory.ts';
import {domainOf} from './inventory.ts';
import type {Action, Policy, PortRange, Rule} from './model.ts';
import {type Header, matchesTraffic, protocolNumbers, trafficMatches} from './traffic.ts';

/** Traffic from one host to another that gets another verdict. */
export type Flip = {
	readonly from: string;
	readonly to: string;
	readonly before: Action;
	readonly after: Action;
	/** A packet that does, such as `tcp 49152 > 80`. */
	readonly packet: string;
};

export type Flips = {
	/** One for each pair and verdict before, hosts in the order of the inventory. */
	readonly list: readonly Flip[];
	/** Whether every pair was looked at; a very large lab would take too long. */
	readonly complete: boolean;
};

/** Looks at rules for pairs of classes; seconds of work. */
const mostLooks = 10_000_000;
/** What no rule is likely to name: the first dynamic port (RFC 6335), a protocol for experiments (RFC 3692), the reserved type of ICMP, as type and as code. */
const anyPort = 49_152;
const anyProtocol = 253;
const anyIcmp = 255;

/** @param after the policy with the rule and without any other change */
export function flipsOf(after: Policy, rule: Rule, inventory: Inventory): Flips {
	const list = new Map<string, Flip>();
	const at = after.rules.indexOf(rule);
	const classes = classesOf(after, inventory);
	const [sources, destinations] = [classes.filter(({from}) => from[at]), classes.filter(({to}) => to[at])];
	const judge = judgeOf(after, rule, inventory);
	const most = Math.ceil(mostLooks / after.rules.length / Math.max(1, destinations.length));
	for (const source of sources.slice(0, most)) {
		for (const destination of destinations.filter(({family}) => family === source.family)) {
			for (const outcome of judge(source, destination)) {
				for (const flip of spread(outcome, source, destination)) {
					const key = `${flip.from} ${flip.to} ${flip.before}`;
					list.set(key, list.get(key) ?? flip);
				}
			}
		}
	}

	const order = new Map([...inventory.hosts.keys()].map((name, index) => [name, index]));
	const place = ({from, to}: Flip): number => (order.get(from) ?? 0) * order.size + (order.get(to) ?? 0);
	return {list: [...list.values()].sort((a, b) => place(a) - place(b)), complete: most >= sources.length};
}

/** Addresses of hosts that no rule and no default can tell apart. */
type Class = {
	readonly family: Family;
	/** One of them. */
	readonly address: Address;
	readonly hosts: string[];
	/** Whether each rule, by its place, takes packets from there, and to there. */
	readonly from: readonly boolean[];
	readonly to: readonly boolean[];
};

/** Addresses that are valid on their own link only are left out. */
function classesOf(policy: Policy, inventory: Inventory): Class[] {
	const isInOf = membership(policy, inventory);
	const bound = new Set([...policy.groups.values()].flatMap(members => [...members]));
	const classes = new Map<string, Class>();
	for (const {name, addresses} of inventory.hosts.values()) {
		for (const address of addresses.filter(each => !isLinkLocal(each))) {
			const isIn = isInOf(address);
			const [from, to] = [policy.rules.map(rule => isIn(rule.from)), policy.rules.map(rule => isIn(rule.to))];
			const key = [address.family, domainOf(inventory, address)?.id, bound.has(name), ...[...from, ...to].map(Number)].join('');
			const known = classes.get(key) ?? {family: address.family, address, hosts: [], from, to};
			known.hosts.push(name);
			classes.set(key, known);
		}
	}

	return [...classes.values()];
}

type Outcome = Pick<Flip, 'before' | 'after' | 'packet'>;
type Prepared = {readonly rule: Rule; readonly traffic: readonly TrafficMatch[] | undefined};

/** What the rule changes for the packets of two classes: first the rules that hold both decide, then the default. */
function judgeOf(after: Policy, rule: Rule, inventory: Inventory): (source: Class, destination: Class) => Outcome[] {
	const prepared = after.rules.map((one): Prepared => ({rule: one, traffic: trafficMatches(one.traffic, after.services)}));
	const defaultOf = evaluator({...after, rules: []}, inventory);
	return (source, destination) => {
		const {family} = source;
		const here = prepared.filter((_, index) => source.from[index] && destination.to[index]);
		const otherwise = defaultOf({source: source.address, destination: destination.address, protocol: anyProtocol}).action;
		const outcomes = new Map<Action, Outcome>();
		for (const header of headersFor(here, family)) {
			const [first, second] = here.filter(({traffic}) => matchesTraffic(traffic, family, header));
			const before = second?.rule.action ?? otherwise;
			if (first?.rule === rule && before !== rule.action && !outcomes.has(before)) {
				outcomes.set(before, {before, after: rule.action, packet: packetText(header)});
			}
		}

		return [...outcomes.values()];
	};
}

function spread(outcome: Outcome, source: Class, destination: Class): Flip[] {
	return source.hosts.flatMap(from => destination.hosts.filter(to => to !== from).map(to => ({from, to, ...outcome})));
}

/** One packet for each kind of traffic that the rules can tell apart. */
function headersFor(rules: readonly Prepared[], family: Family): Header[] {
	const matches = rules.flatMap(({traffic}) => traffic ?? []).filter(match => match.family === family);
	const protocols = new Set([protocolNumbers.tcp, protocolNumbers.udp, anyProtocol, ...matches.map(({protocol}) => protocol)]);
	return [...protocols].flatMap(protocol => headersOf(protocol, matches.filter(match => match.protocol === protocol)));
}

function headersOf(protocol: number, matches: readonly TrafficMatch[]): Header[] {
	if (protocol === protocolNumbers.icmp || protocol === protocolNumbers.icmp6) {
		return matches.map(({icmpType = anyIcmp, icmpCode = anyIcmp}) => ({protocol, icmpType, icmpCode}));
	}

	if (!hasPorts(protocol)) {
		return [{protocol}];
	}

	const sports = edgesOf(matches.flatMap(({sport}) => sport ?? []));
	const dports = edgesOf(matches.flatMap(({dport}) => dport ?? []));
	return sports.flatMap(sport => dports.map(dport => ({protocol, sport, dport})));
}

function hasPorts(protocol: number): boolean {
	return [protocolNumbers.tcp, protocolNumbers.udp, protocolNumbers.sctp].some(number => number === protocol);
}

/** From one of these to the next, all ranges hold the same. */
function edgesOf(ranges: readonly PortRange[]): number[] {
	const edges = ranges.flatMap(({first, last}) => [first, last + 1]).filter(port => port <= 65_535);
	return [...new Set([...edges, anyPort, ...edges.length > 0 ? [0] : []])];
}

function packetText({protocol, sport, dport, icmpType, icmpCode}: Header): string {
	const name = Object.entries(protocolNumbers).find(([, number]) => number === protocol)?.[0] ?? `proto ${protocol}`;
	const icmp = [...named('type', icmpType), ...named('code', icmpCode)];
	return [name, ...icmp, ...dport === undefined ? [] : [`${sport ?? 0} > ${dport}`]].join(' ');
}

function named(what: string, number: number | undefined): string[] {
	return number === undefined || number === anyIcmp ? [] : [`${what} ${number}`];
}
