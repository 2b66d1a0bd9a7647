/** The rules of a perimeter router as lines of iptables-restore: chain PFW judges, PFW-ISOLATION decides what no rule matched, PFW-ALLOW makes connections. */
import {formatPrefix} from '../util/address.ts';
import type {Family} from '../util/address.ts';
import type {DevicePlan, FilterRule, Match, SharedPlan} from '../policy/filter-rule.ts';
import {madeByPolicy} from './driver.ts';
import {ipsetName} from './perimeter-sets.ts';
import type {InstalledSets} from './perimeter-sets.ts';

export const chains = ['PFW', 'PFW-ISOLATION', 'PFW-ALLOW'] as const;
export type Chain = (typeof chains)[number];

export type ChainLine = {
	/** Such as `-A PFW -s 10.0.0.1 -m comment --comment "secrule:3" -j DROP`. */
	readonly text: string;
	/** The comment: what the line is known by when it is read back. */
	readonly label: string;
	/** The rule's sentence, or why the line is built in. */
	readonly sentence: string;
	/** Id of the rule whose hits it counts. */
	readonly rule?: number;
};

/** Names of the sets that are no group and no IPG. */
export const builtIn = {
	bound: 'bound',
	routers: 'routers',
	/** All subnets of the lab, and those that no perimeter router borders. */
	inside: 'inside',
	open: 'open',
	domain: (id: number) => `domain:${id}`,
} as const;

const made = `${madeByPolicy}/${madeByPolicy}`;
const isolate: Chain = 'PFW-ISOLATION';
const allow: Chain = 'PFW-ALLOW';

export function chainLines(plan: DevicePlan, sets: InstalledSets, family: Family): ChainLine[] {
	const inSet: InSet = (name, side, not = '') => {
		const set = sets.get(name);
		if (!set) {
			// A line without its match would hold for every packet.
			throw new Error(`The plan names the set ${name} and does not have it.`);
		}

		return `-m set ${not}--match-set ${ipsetName(set, family)} ${side}`;
	};

	return [
		...connectionLines(),
		line('PFW', inSet(builtIn.routers, 'dst'), allow, 'to a router', 'traffic to a router itself is not judged'),
		...plan.rules.flatMap(rule => ruleLines(rule, inSet, family)),
		...defaultLines(plan.shared, inSet),
		...isolationLines(plan.shared, inSet),
		line(allow, '', `CONNMARK --set-xmark ${made}`, 'make connection', 'permitted: make the connection'),
		line(allow, '', 'ACCEPT', 'permitted', 'permitted'),
	];
}

type InSet = (name: string, side: 'src' | 'dst', not?: '' | '! ') => string;

/** Replies and related errors carry the mark of the connection they belong to; the kernel gives an ICMP error that of the packet inside. */
function connectionLines(): ChainLine[] {
	return [
		line('PFW', `-m connmark --mark ${made}`, 'ACCEPT', 'connection', 'part of a connection that a rule or the default allowed'),
		line('PFW', '-m conntrack --ctstate INVALID', 'DROP', 'invalid', 'part of no connection'),
		line('PFW', '-p tcp ! --syn', 'DROP', 'midstream', 'TCP that opens no connection'),
	];
}

/** A line for each pair of the two sides' matches; a rule that names only addresses of the other family has none. */
function ruleLines(rule: FilterRule, inSet: InSet, family: Family): ChainLine[] {
	const target = rule.action === 'allow' ? allow : 'DROP';
	const destinations = sideMatches(rule.to, 'dst', inSet, family);
	return sideMatches(rule.from, 'src', inSet, family).flatMap(source => destinations.map(destination =>
		line('PFW', [source, destination].filter(Boolean).join(' '), target, `secrule:${rule.id}`, rule.sentence, rule.id)));
}

function sideMatches(match: Match, side: 'src' | 'dst', inSet: InSet, family: Family): string[] {
	switch (match.kind) {
		case 'any': {
			return [''];
		}

		case 'set': {
			return [inSet(match.set, side)];
		}

		case 'prefixes': {
			return match.prefixes.filter(prefix => prefix.family === family).map(prefix => prefix.length === 0 ? '' : `${side === 'src' ? '-s' : '-d'} ${formatPrefix(prefix)}`);
		}
	}
}

/** Pairs that no perimeter firewall parts may cross this router all the same, from one subnet of a domain to another. */
function defaultLines({domains}: SharedPlan, inSet: InSet): ChainLine[] {
	const together = (source: string, destination: string, label: string) =>
		line('PFW', `${source} ${destination}`, isolate, label, `${label}: no perimeter firewall between them`);
	const [fromOutside, toOutside] = [inSet(builtIn.inside, 'src', '! '), inSet(builtIn.inside, 'dst', '! ')];
	return [
		...domains.map(({id}) => together(inSet(builtIn.domain(id), 'src'), inSet(builtIn.domain(id), 'dst'), `both in domain ${id}`)),
		together(fromOutside, toOutside, 'both outside'),
		together(fromOutside, inSet(builtIn.open, 'dst'), 'outside to an open domain'),
		together(inSet(builtIn.open, 'src'), toOutside, 'open domain to outside'),
		line('PFW', '', 'DROP', 'default', 'default: a perimeter firewall parts source and destination'),
	];
}

function isolationLines({isolation}: SharedPlan, inSet: InSet): ChainLine[] {
	return [
		...isolation === 'bound' ? [line(isolate, inSet(builtIn.bound, 'dst'), 'DROP', 'bound', 'default: the destination is a bound host')] : [],
		line(isolate, '', isolation === 'all' ? 'DROP' : allow, 'isolation', `default: isolation ${isolation}`),
	];
}

function line(chain: Chain, match: string, target: string, label: string, sentence: string, rule?: number): ChainLine {
	const comment = rule === undefined ? `securenet: ${label}` : label;
	const text = [`-A ${chain}`, match, `-m comment --comment "${comment}"`, `-j ${target}`].filter(Boolean).join(' ');
	return {text, label: comment, sentence, ...(rule === undefined ? {} : {rule})};
}
