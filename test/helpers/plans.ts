/** Small plans for driver tests, written the short way: names, addresses, sentences. */
import {compareAddresses, lastOf, linkLocalAddress, macFromNumber, parseAddress, parsePrefix, prefixOf} from '../../lib/util/address.ts';
import type {Prefix} from '../../lib/util/address.ts';
import type {Compiled, DevicePlan, FilterRule, GuardedPort, Match, SharedPlan} from '../../lib/policy/filter-rule.ts';

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
	/** Sentences `allow PEER to PEER`, numbered from 1, or with their id: `7: deny any to 10.0.0.1`. */
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
	return {port, host: `h${port}`, mac, addresses, allowed, bound, secured: bound && !words.includes('lifted')};
}

function filterRule(text: string, index: number): FilterRule {
	const [, id = String(index + 1), sentence = ''] = /^(?:(\d+): )?(.*)$/.exec(text) ?? [];
	const [action, from = '', , to = ''] = sentence.split(' ');
	return {id: Number(id), sentence, action: action === 'allow' ? 'allow' : 'deny', from: match(from), to: match(to)};
}

/** `any`, a set by its name, or prefixes with commas between. */
function match(text: string): Match {
	if (text === 'any') {
		return {kind: 'any'};
	}

	return /^(sg|ipg):/.test(text) ? {kind: 'set', set: text} : {kind: 'prefixes', prefixes: text.split(',').map(parsePrefix)};
}

function prefixes(text: string): Prefix[] {
	return text.split(' ').filter(Boolean).map(word => word.includes('/') ? parsePrefix(word) : prefixOf(parseAddress(word))).sort(compareAddresses);
}
