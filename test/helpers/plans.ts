/** Small plans for driver tests, written the short way: names, addresses, sentences. */
import {compareAddresses, lastOf, linkLocalAddress, macFromNumber, parseAddress, parsePrefix, prefixOf} from '../../lib/util/address.ts';
import type {Prefix} from '../../lib/util/address.ts';
import type {Compiled, DevicePlan, FilterRule, GuardedPort, Match, SharedPlan, TrafficMatch} from '../../lib/policy/filter-rule.ts';
import type {PortRange} from '../../lib/policy/model.ts';

export type Sketch = {
	readonly isolation?: SharedPlan['isolation'];
	/** Set name to its prefixes, such as `{'sg:web': '10.0.10.10 fd00:10::10'}`. */
	readonly sets?: Readonly<Record<string, string>>;
	/** Addresses of bound hosts. */
	readonly bound?: string;
	readonly routers?: string;
	/** MACs of routers. */
	readonly routerMacs?: string;
	/** Subnets of each domain; a perimeter borders all but those marked `open:`. */
	readonly domains?: readonly string[];
	/** Broadcast addresses of subnets; by default those of the domains. */
	readonly broadcasts?: string;
	/**
	Sentences `allow PEER to PEER`, numbered from 1, or with their id: `7: deny any to 10.0.0.1`. A peer is `any`, a set, `!` and a set, or prefixes with
	commas between. Then clauses: `tcp dport 80,90-99`, `icmp` or `icmp 3/4|1/1` (type and code of IPv4, then of IPv6, where either may be missing), `proto 47`, `stateless`, `rate 5 10` and `log`.
	*/
	readonly rules?: readonly string[];
	/** Hosts of the switch from port 1: addresses, then flags `bound` and `lifted`, such as `10.0.10.10 fd00::1 bound`. */
	readonly hosts?: readonly string[];
	/** All ports; by default those of the hosts and one more. */
	readonly ports?: readonly number[];
	readonly device?: string;
	readonly zone?: number;
};

export function switchPlan(sketch: Sketch): DevicePlan {
	const guarded = (sketch.hosts ?? []).map(guardedPort);
	return {
		device: sketch.device ?? 's1',
		kind: 'switch',
		zone: sketch.zone ?? 1,
		shared: sharedPlan(sketch),
		rules: (sketch.rules ?? []).map(filterRule),
		guarded,
		ports: sketch.ports ?? Array.from({length: guarded.length + 1}, (_, index) => index + 1),
	};
}

export function perimeterPlan(sketch: Sketch): DevicePlan {
	return {...switchPlan({device: 'fw', ...sketch}), kind: 'perimeter', guarded: [], ports: []};
}

export function compiled(...plans: DevicePlan[]): Compiled {
	const [first] = plans;
	if (!first) {
		throw new Error('a compiled policy has at least one device');
	}

	return {shared: first.shared, devices: new Map(plans.map(plan => [plan.device, plan]))};
}

function sharedPlan({isolation = 'bound', rules = [], sets = {}, bound = '', routers = '', routerMacs = '', domains = [], broadcasts}: Sketch): SharedPlan {
	const subnets = domains.map(text => prefixes(text.replace('open:', '')));
	return {
		isolation,
		order: rules.map((text, index) => filterRule(text, index).id),
		sets: new Map(Object.entries(sets).map(([name, text]) => [name, {name, prefixes: prefixes(text)}])),
		bound: {name: 'bound', prefixes: prefixes(bound)},
		routers: {name: 'routers', prefixes: prefixes(routers)},
		routerMacs: routerMacs.split(' ').filter(Boolean),
		broadcasts: broadcasts === undefined ? subnets.flat().filter(({family, length}) => family === 4 && length < 31).flatMap(subnet => [subnet.value, lastOf(subnet)]).map(value => ({family: 4, value})) : prefixes(broadcasts),
		domains: domains.map((text, index) => ({id: index + 1, subnets: subnets[index] ?? [], perimeter: !text.startsWith('open:')})),
	};
}

function guardedPort(text: string, index: number): GuardedPort {
	const port = index + 1;
	const mac = macFromNumber(port);
	const words = text.split(' ').filter(Boolean);
	const bound = words.includes('bound');
	const own = words.filter(word => !['bound', 'lifted'].includes(word) && !word.startsWith('+')).map(parseAddress);
	const addresses = own.some(({family}) => family === 6) ? [...own, linkLocalAddress(mac)] : own;
	const allowed = words.filter(word => word.startsWith('+')).map(word => parsePrefix(word.slice(1)));
	return {port, host: `h${port}`, mac, addresses, allowed, bound, lifted: words.includes('lifted'), secured: bound && !words.includes('lifted')};
}

function filterRule(text: string, index: number): FilterRule {
	const [, id = String(index + 1), sentence = ''] = /^(?:(\d+): )?(.*)$/.exec(text) ?? [];
	const [action = '', from = '', , to = '', ...clauses] = sentence.split(' ');
	const [, perSecond, burst] = /\brate (\d+) (\d+)/.exec(sentence) ?? [];
	return {
		id: Number(id), sentence, action: action === 'allow' || action === 'reject' ? action : 'deny', from: match(from), to: match(to),
		traffic: traffic(clauses), stateful: !clauses.includes('stateless'),
		...clauses.includes('log') ? {log: {text: ''}} : {},
		...perSecond === undefined ? {} : {rate: {perSecond: Number(perSecond), burst: Number(burst)}},
	};
}

function match(text: string): Match {
	if (text === 'any') {
		return {kind: 'any'};
	}

	return /^!?(sg|ipg|peers):/.test(text) ? {kind: 'set', set: text.replace('!', ''), negated: text.startsWith('!')} : {kind: 'prefixes', prefixes: text.split(',').map(parsePrefix)};
}

const protocols: Readonly<Record<string, number>> = {tcp: 6, udp: 17, sctp: 132};

/** Both families. */
function traffic([kind = '', ...words]: readonly string[]): TrafficMatch[] | undefined {
	const after = (word: string) => words[words.indexOf(word) + 1];
	const protocol = kind === 'proto' ? Number(words[0]) : protocols[kind];
	if (kind === 'icmp') {
		const given = /^[\d/|]+$/.test(words[0] ?? '') ? words[0]?.split('|') : undefined;
		return ([4, 6] as const).flatMap((family, index) => given && !given[index] ? [] : icmp(family, given?.[index]));
	}

	const ports = (word: 'sport' | 'dport') => words.includes(word) ? {[word]: ranges(after(word) ?? '')} : {};
	return protocol === undefined ? undefined : ([4, 6] as const).map(family => ({family, protocol, ...ports('sport'), ...ports('dport')}));
}

function icmp(family: 4 | 6, text?: string): TrafficMatch {
	const [type, code] = text?.split('/').map(Number) ?? [];
	return {family, protocol: family === 4 ? 1 : 58, ...type === undefined ? {} : {icmpType: type}, ...code === undefined ? {} : {icmpCode: code}};
}

function ranges(text: string): PortRange[] {
	return text.split(',').map(range => {
		const [first = 0, last = first] = range.split('-').map(Number);
		return {first, last};
	});
}

function prefixes(text: string): Prefix[] {
	return text.split(' ').filter(Boolean).map(word => word.includes('/') ? parsePrefix(word) : prefixOf(parseAddress(word))).sort(compareAddresses);
}
