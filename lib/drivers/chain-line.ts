/** One line of a perimeter router's chains, as iptables and nftables both can say it. */
import type {Prefix} from '../util/address.ts';
import type {TrafficMatch} from '../policy/filter-rule.ts';
import type {Rate} from '../policy/model.ts';

/** PFW judges, PFW-ISOLATION decides what no rule matched, PFW-ALLOW makes connections, PFW-REJECT answers. */
export const chains = {judge: 'PFW', isolate: 'PFW-ISOLATION', allow: 'PFW-ALLOW', reject: 'PFW-REJECT'} as const;

export type Side = 'src' | 'dst';

/** A line's target is reached by packets for which all its conditions hold. */
export type Condition =
	| {readonly kind: 'set'; readonly side: Side; readonly set: string; readonly negated: boolean}
	/** In one of the prefixes; all are of the line's family. */
	| {readonly kind: 'prefixes'; readonly side: Side; readonly prefixes: readonly Prefix[]}
	| {readonly kind: 'traffic'; readonly traffic: TrafficMatch}
	/** Of a connection that the policy made. */
	| {readonly kind: 'made'}
	/** `noted` before as a packet that opens no connection, or not so. */
	| {readonly kind: 'noted'; readonly noted: boolean}
	| {readonly kind: 'invalid'}
	| {readonly kind: 'no syn'}
	/** Of an ICMP of the line's family that answers another packet: as an error about it, or as the reply to a request. */
	| {readonly kind: 'icmp error'}
	| {readonly kind: 'icmp reply'}
	/** Runs against the direction in which the kernel saw the connection's first packet. */
	| {readonly kind: 'backwards'}
	| {readonly kind: 'rate'; readonly rule: number; readonly rate: Rate};

/** The packet goes on with the next line after `note`, `make`, `turn` and a log. */
export type Target =
	| 'accept' | 'drop'
	/** Drops it with an answer: a TCP reset, or an ICMP error. */
	| 'reset' | 'prohibit'
	/** Notes on the packet that it opens no connection. */
	| 'note'
	/** Marks its connection as made by the policy; `turn` adds that it was made backwards. */
	| 'make' | 'turn'
	| {readonly chain: string}
	| {readonly log: string};

export type ChainLine = {
	readonly chain: string;
	readonly conditions: readonly Condition[];
	readonly target: Target;
	/** The comment: what the line is known by when it is read back. */
	readonly label: string;
	/** The rule's sentence, or why the line is built in. */
	readonly sentence: string;
	/** Id of the rule whose hits it counts. */
	readonly rule?: number;
};

export function inSet(set: string, side: Side, negated = false): Condition {
	return {kind: 'set', side, set, negated};
}

/** @param label without the `securenet:` of a line that no rule made */
export function line(chain: string, conditions: readonly Condition[], target: Target, label: string, sentence: string, rule?: number): ChainLine {
	const comment = label.startsWith('secrule:') ? label : `securenet: ${label}`;
	return {chain, conditions, target, label: comment, sentence, ...(rule === undefined ? {} : {rule})};
}
