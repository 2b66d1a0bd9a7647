/** Lines of a perimeter router as text of nft(8). */
import {hash} from 'node:crypto';
import {formatPrefix} from '../util/address.ts';
import type {Family} from '../util/address.ts';
import type {TrafficMatch} from '../policy/filter-rule.ts';
import type {PortRange} from '../policy/model.ts';
import {union} from '../policy/prefix-set.ts';
import type {ChainLine, Condition, Target} from './chain-line.ts';
import {logGroup, madeBackwards, madeByPolicy} from './driver.ts';

export type NftLine = Pick<ChainLine, 'label' | 'sentence' | 'rule'> & {
	/** With the family: a chain holds lines of one. */
	readonly chain: string;
	/** Such as `ip saddr 10.0.0.1 counter name "secrule-3" drop comment "secrule:3"`. */
	readonly text: string;
	/** Name of the counter that all lines of the label share. */
	readonly counter: string;
	/** The limit it uses, which the lines of both families share. */
	readonly limit?: {readonly name: string; readonly text: string};
};

/** The name on the device of one of the policy's sets. */
export type NameOf = (set: string, family: Family) => string;

const protocolNames: ReadonlyMap<number, string> = new Map([[6, 'tcp'], [17, 'udp'], [132, 'sctp']]);
/** Mark of a packet that opens no connection: it is read further down the chain and leaves the namespace with none. */
const noted = '0x10000000';

export function nftLine(line: ChainLine, family: Family, nameOf: NameOf = setName): NftLine {
	const {chain, label, sentence, rule, conditions, target} = line;
	const counter = label.replaceAll(/\W+/g, '-');
	const limit = conditions.flatMap(condition => condition.kind === 'rate' ? [limitOf(condition)] : [])[0];
	return {
		chain: chainName(chain, family), label, sentence, counter, ...(rule === undefined ? {} : {rule}), ...(limit ? {limit} : {}),
		text: [...conditions.map(condition => conditionText(condition, family, nameOf)), `counter name "${counter}"`, targetText(target, family), `comment "${label}"`].join(' '),
	};
}

export function chainName(chain: string, family: Family): string {
	return `${chain}.${family}`;
}

/** Letters and digits of the set's name, and a hash that tells apart those that this makes equal. @param generation 1 is the first */
export function setName(name: string, family: Family, generation = 1): string {
	return `${name.replaceAll(/\W+/g, '-').slice(0, 40)}.${hash('md5', name).slice(0, 6)}.${family}${generation === 1 ? '' : `.${generation}`}`;
}

export function conditionText(condition: Condition, family: Family, nameOf: NameOf = setName): string {
	const [ip, icmp] = family === 4 ? ['ip', 'meta l4proto icmp'] : ['ip6', 'meta l4proto ipv6-icmp'];
	switch (condition.kind) {
		case 'set':
			return `${ip} ${condition.side === 'src' ? 'saddr' : 'daddr'} ${condition.negated ? '!= ' : ''}@${nameOf(condition.set, family)}`;
		case 'prefixes':
			return `${ip} ${condition.side === 'src' ? 'saddr' : 'daddr'} ${listText(union(condition.prefixes).map(formatPrefix))}`;
		case 'traffic':
			return trafficText(condition.traffic);
		case 'made':
			return `ct mark & ${madeByPolicy} == ${madeByPolicy}`;
		case 'noted':
			return `meta mark & ${noted} ${condition.noted ? '!=' : '=='} 0`;
		case 'invalid':
			return 'ct state invalid';
		case 'no syn':
			return 'tcp flags & (fin | syn | rst | ack) != syn';
		case 'icmp error':
			return `${icmp} ct state related`;
		case 'icmp reply':
			return `${icmp} ct direction reply`;
		case 'backwards':
			return 'ct direction reply';
		case 'rate':
			return `limit name "${limitOf(condition).name}"`;
	}
}

function trafficText({protocol, sport, dport, icmpType, icmpCode}: TrafficMatch): string {
	if (icmpType !== undefined) {
		const icmp = protocol === 1 ? 'icmp' : 'icmpv6';
		return `${icmp} type ${icmpType}${icmpCode === undefined ? '' : ` ${icmp} code ${icmpCode}`}`;
	}

	const name = protocolNames.get(protocol) ?? '';
	const ports = ([['sport', sport], ['dport', dport]] as const).flatMap(([side, ranges]) => ranges ? [`${name} ${side} ${listText(ranges.map(portText))}`] : []);
	return ports.length > 0 ? ports.join(' ') : `meta l4proto ${name || protocol}`;
}

function portText({first, last}: PortRange): string {
	return first === last ? `${first}` : `${first}-${last}`;
}

function listText(texts: readonly string[]): string {
	return texts.length === 1 ? texts.join('') : `{ ${texts.join(', ')} }`;
}

/** A limit with other numbers has another name: an object cannot change while rules name it. */
export function limitOf({rule, rate: {perSecond, burst}}: Condition & {kind: 'rate'}): {name: string; text: string} {
	return {name: `secrule-${rule}.${perSecond}.${burst}`, text: `rate ${perSecond}/second burst ${burst} packets`};
}

export function targetText(target: Target, family: Family): string {
	switch (target) {
		case 'accept':
		case 'drop':
			return target;
		case 'reset':
			return 'reject with tcp reset';
		case 'prohibit':
			return 'reject with icmpx type admin-prohibited';
		case 'note':
			return `meta mark set meta mark | ${noted}`;
		case 'make':
			return `ct mark set ct mark & 0x${(~(madeByPolicy | madeBackwards) >>> 0).toString(16)} | ${madeByPolicy}`;
		case 'turn':
			return `ct mark set ct mark | ${madeBackwards}`;
		default:
			return 'chain' in target ? `jump ${chainName(target.chain, family)}` : `log prefix "${target.log}" group ${logGroup} queue-threshold 1`;
	}
}
