/** What a rule says about protocols, ports and ICMP types as matches, and which packets a switch cannot tell by them. */
import type {Datapath} from '../kernel/capabilities.ts';
import type {Family} from '../util/address.ts';
import type {FilterRule, TrafficMatch} from '../policy/filter-rule.ts';
import type {PortRange} from '../policy/model.ts';
import {remember} from '../policy/passes/memo.ts';
import {protocolNumbers} from '../policy/traffic.ts';
import {maskRanges} from './openflow-port-masks.ts';
import type {Masked} from './openflow-port-masks.ts';

/** The packets of one family and protocol that a rule is about. A packet belongs to one strand of a rule at most. */
export type Strand = {
	/** Undefined when the rule has one strand for all packets. */
	readonly family: Family | undefined;
	/** Match of the protocol; empty when the rule names none. */
	readonly protocol: string;
	/** Fields of which a packet must match one each; an empty text matches all. */
	readonly sports: readonly string[];
	readonly dports: readonly string[];
};

const names: {readonly [family in Family]: ReadonlyMap<number, string>} = {
	4: new Map([[protocolNumbers.icmp, 'icmp'], [protocolNumbers.tcp, 'tcp'], [protocolNumbers.udp, 'udp'], [protocolNumbers.sctp, 'sctp']]),
	6: new Map([[protocolNumbers.icmp6, 'icmp6'], [protocolNumbers.tcp, 'tcp6'], [protocolNumbers.udp, 'udp6'], [protocolNumbers.sctp, 'sctp6']]),
};

/** Of later fragments OVS reads the fragment header as the protocol (RFC 8200). */
const laterIpv6 = 'ipv6,nw_proto=44';

const all = [''];
/** Of fragments only the first has ports; in the others OVS reads them as 0. */
const notLater = 'ip_frag=not_later';

/** Registers hold both families alike, so a rule needs a strand for each family only where it names prefixes or protocols. */
export function strandsOf({from, to, traffic}: FilterRule): Strand[] {
	if (traffic) {
		return traffic.map(strandOf);
	}

	const namesPrefixes = from.kind === 'prefixes' || to.kind === 'prefixes';
	return (namesPrefixes ? [4, 6] as const : [undefined]).map(family => ({family, protocol: '', sports: all, dports: all}));
}

function strandOf(match: TrafficMatch): Strand {
	const {family, sport, dport, icmpType} = match;
	return {
		family,
		protocol: protocolMatch(match),
		sports: sport ? ports('tp_src', sport) : all,
		dports: icmpType === undefined ? dport ? ports('tp_dst', dport) : all : [icmpMatch(icmpType, match.icmpCode)],
	};
}

function protocolMatch({family, protocol: number}: TrafficMatch): string {
	return names[family].get(number) ?? `${family === 4 ? 'ip' : 'ipv6'},nw_proto=${number}`;
}

function ports(field: string, ranges: readonly PortRange[]): string[] {
	return maskRanges(ranges).map(masked => withoutLater(`${field}=${maskText(masked)}`, masked.value));
}

function maskText({value, mask}: Masked): string {
	return mask === 0xFF_FF ? String(value) : `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

function icmpMatch(type: number, code: number | undefined): string {
	return withoutLater(code === undefined ? `icmp_type=${type}` : `icmp_type=${type},icmp_code=${code}`, type);
}

function withoutLater(match: string, value: number): string {
	return value === 0 ? `${match},${notLater}` : match;
}

/**
Later fragments of what the rule allows by something that they do not show: ports, an ICMP type, in IPv6 any protocol. They wait
where connections are made for the first fragment, which the rules judge; when that one is denied, they are never complete and go
nowhere. What opens a TCP connection is no fragment, and a rule that makes no connection has nowhere to wait.
*/
export function laterFragments({action, stateful, traffic = []}: FilterRule): Strand[] {
	const hidden = traffic.filter(match => match.protocol !== protocolNumbers.tcp && (match.family === 6 || namesHeader(match)));
	const protocols = new Map(hidden.map(match => [match.family === 6 ? laterIpv6 : protocolMatch(match), match.family]));
	return action === 'allow' && stateful ? [...protocols].map(([match, family]) => ({family, protocol: `${match},ip_frag=later`, sports: all, dports: all})) : [];
}

/** Whether a rule tells packets by what is behind the IP header. */
export function readsHeader({traffic}: FilterRule): boolean {
	return traffic?.some(namesHeader) ?? false;
}

function namesHeader({sport, dport, icmpType}: TrafficMatch): boolean {
	return sport !== undefined || dport !== undefined || icmpType !== undefined;
}

/**
Userspace connection tracking (Open vSwitch 3.1) knows no SCTP ports: one connection stands for all of its two hosts. So nothing
may allow one by its ports, and no rule that denies some ports would hold for a pair that another rule connects.
*/
export function untrackable(rules: readonly FilterRule[], datapath: Datapath): readonly string[] {
	return datapath === 'system' ? [] : remember(untracked, rules, () => untrackedBy(rules));
}

/** A list of rules that a change leaves as it was is the very same. */
const untracked = new WeakMap<readonly FilterRule[], readonly string[]>();

function namesSctpPorts({traffic}: FilterRule): boolean {
	return traffic?.some(match => match.protocol === protocolNumbers.sctp && namesHeader(match)) ?? false;
}

function untrackedBy(rules: readonly FilterRule[]): string[] {
	const why = 'connection tracking of the userspace switch knows no SCTP ports';
	return rules.filter(namesSctpPorts).flatMap(rule => {
		if (rule.action !== 'allow') {
			return [`"${rule.sentence}": ${why}, so an SCTP connection to another port would get past the rule; ${rule.action} sctp without ports, or allow ports by stateless rules`];
		}

		return rule.stateful ? [`"${rule.sentence}": ${why}; make it stateless, and add a stateless rule for the way back`] : [];
	});
}
