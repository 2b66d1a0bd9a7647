/** Lines of a perimeter router as text of iptables-restore(8). */
import {formatPrefix} from '../util/address.ts';
import type {Family} from '../util/address.ts';
import type {FilterRule, Match, TrafficMatch} from '../policy/filter-rule.ts';
import type {PortRange, Rate} from '../policy/model.ts';
import {remember} from '../policy/passes/memo.ts';
import {SecureNetError} from '../util/errors.ts';
import type {ChainLine, Condition, Target} from './chain-line.ts';
import {logGroup, madeBackwards, madeByPolicy} from './driver.ts';
import {ruleLines} from './perimeter-rules.ts';
import {ipsetName} from './perimeter-sets.ts';
import type {InstalledSets} from './perimeter-sets.ts';

export type TextLine = Pick<ChainLine, 'chain' | 'label' | 'sentence' | 'rule'> & {
	/** Such as `-A PFW -s 10.0.0.1 -m comment --comment "secrule:3" -j DROP`. */
	readonly text: string;
};

/** xt_multiport holds 15 ports, and a range counts two (iptables-extensions(8)). */
const portLimit = 15;
/** IP protocol numbers (IANA) by the names that iptables prints. */
const protocolNames: ReadonlyMap<number, string> = new Map([[1, 'icmp'], [6, 'tcp'], [17, 'udp'], [58, 'ipv6-icmp'], [132, 'sctp']]);
/** Mark of a packet that opens no connection: it is read further down the chain and leaves the namespace with none. */
const noted = '0x10000000/0x10000000';
const made = `${madeByPolicy}/${madeByPolicy}`;

type Rendered = {readonly from: number | undefined; readonly to: number | undefined; readonly texts: readonly TextLine[]};

const rendered: Readonly<Record<Family, WeakMap<FilterRule, Rendered>>> = {4: new WeakMap(), 6: new WeakMap()};

/** The texts of all lines of a rule. The same rule has the very same texts as long as its sets keep their names. */
export function ruleTexts(rule: FilterRule, sets: InstalledSets, family: Family): readonly TextLine[] {
	const [from, to] = [generationOf(rule.from, sets), generationOf(rule.to, sets)];
	return remember(
		rendered[family], rule,
		() => ({from, to, texts: ruleLines(rule, family).flatMap(line => iptablesLines(line, sets, family))}),
		known => known.from === from && known.to === to,
	).texts;
}

function generationOf(side: Match, sets: InstalledSets): number | undefined {
	return side.kind === 'set' ? sets.get(side.set)?.generation : undefined;
}

/** The texts of a line: iptables has no lists of addresses and short ones of ports, so a line may need several, of which a packet matches one at most. */
export function iptablesLines(line: ChainLine, sets: InstalledSets, family: Family): TextLine[] {
	const {chain, label, target} = line;
	const matches = line.conditions.map(condition => conditionTexts(condition, sets, family));
	const end = [`-m comment --comment "${label}"`, `-j ${targetText(target, family)}`];
	return combinations(matches).map(match => ({...kept(line), text: [`-A ${chain}`, ...match, ...end].join(' ')}));
}

function kept({chain, label, sentence, rule}: ChainLine): Omit<TextLine, 'text'> {
	return {chain, label, sentence, ...(rule === undefined ? {} : {rule})};
}

/** The condition holds when one of the texts matches. */
function conditionTexts(condition: Condition, sets: InstalledSets, family: Family): string[] {
	const icmp = `-p ${family === 4 ? 'icmp' : 'ipv6-icmp'} -m conntrack`;
	switch (condition.kind) {
		case 'set':
			return [`-m set ${condition.negated ? '! ' : ''}--match-set ${setName(condition.set, sets, family)} ${condition.side}`];
		case 'prefixes':
			return condition.prefixes.map(prefix => `${condition.side === 'src' ? '-s' : '-d'} ${formatPrefix(prefix)}`);
		case 'traffic':
			return trafficTexts(condition.traffic);
		case 'made':
			return [`-m connmark --mark ${made}`];
		case 'noted':
			return [`-m mark ${condition.noted ? '' : '! '}--mark ${noted}`];
		case 'invalid':
			return ['-m conntrack --ctstate INVALID'];
		case 'no syn':
			return ['-p tcp ! --syn'];
		case 'icmp error':
			return [`${icmp} --ctstate RELATED`];
		case 'icmp reply':
			return [`${icmp} --ctdir REPLY`];
		case 'backwards':
			return ['-m conntrack --ctdir REPLY'];
		case 'rate':
			return [limitText(condition.rate)];
	}
}

function setName(name: string, sets: InstalledSets, family: Family): string {
	const set = sets.get(name);
	if (!set) {
		// A line without its match would hold for every packet.
		throw new SecureNetError('plan', `The plan names the set ${name} and does not have it.`);
	}

	return ipsetName(set, family);
}

function trafficTexts({protocol, sport, dport, icmpType, icmpCode}: TrafficMatch): string[] {
	const name = protocolNames.get(protocol) ?? `${protocol}`;
	if (icmpType !== undefined) {
		const type = icmpCode === undefined ? icmpType : `${icmpType}/${icmpCode}`;
		return [protocol === 1 ? `-p icmp -m icmp --icmp-type ${type}` : `-p ipv6-icmp -m icmp6 --icmpv6-type ${type}`];
	}

	// To iptables protocol 0 is every protocol, so the header's byte 9 is read.
	const start = protocol === 0 ? '-m u32 --u32 "6&0xFF=0x0"' : `-p ${name}`;
	return combinations([[start], portTexts(name, 'sport', sport), portTexts(name, 'dport', dport)]).map(texts => texts.filter(Boolean).join(' '));
}

function portTexts(protocol: string, option: 'sport' | 'dport', ranges: readonly PortRange[] | undefined): string[] {
	const [first, ...others] = ranges ?? [];
	if (!first) {
		return [''];
	}

	return others.length === 0 ? [`-m ${protocol} --${option} ${portText(first)}`] : portGroups([first, ...others]).map(group => `-m multiport --${option}s ${group.map(portText).join(',')}`);
}

function portText({first, last}: PortRange): string {
	return first === last ? `${first}` : `${first}:${last}`;
}

/** As many ranges together as one match holds. */
function portGroups(ranges: readonly PortRange[]): PortRange[][] {
	const groups: PortRange[][] = [];
	let room = 0;
	for (const range of ranges) {
		const size = range.first === range.last ? 1 : 2;
		if (size > room) {
			groups.push([]);
			room = portLimit;
		}

		groups.at(-1)?.push(range);
		room -= size;
	}

	return groups;
}

/** The tokens are the line's own: each family has some, and they are full again when the chains are replaced. */
function limitText({perSecond, burst}: Rate): string {
	return `-m limit --limit ${perSecond}/second --limit-burst ${burst}`;
}

function targetText(target: Target, family: Family): string {
	switch (target) {
		case 'accept':
			return 'ACCEPT';
		case 'drop':
			return 'DROP';
		case 'reset':
			return 'REJECT --reject-with tcp-reset';
		case 'prohibit':
			return `REJECT --reject-with ${family === 4 ? 'icmp-admin-prohibited' : 'icmp6-adm-prohibited'}`;
		case 'note':
			return `MARK --set-xmark ${noted}`;
		case 'make':
			return `CONNMARK --set-xmark ${madeByPolicy}/${madeByPolicy | madeBackwards}`;
		case 'turn':
			return `CONNMARK --set-xmark ${madeBackwards}/${madeBackwards}`;
		default:
			return 'chain' in target ? target.chain : `NFLOG --nflog-group ${logGroup} --nflog-prefix "${target.log}" --nflog-threshold 1`;
	}
}

/** One of each, in all ways. */
function combinations(lists: ReadonlyArray<readonly string[]>): string[][] {
	return lists.reduce<string[][]>((done, list) => done.flatMap(start => list.map(end => [...start, end])), [[]]);
}
