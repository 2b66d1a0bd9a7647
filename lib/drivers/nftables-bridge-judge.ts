/** The policy on a bridge: lines that judge a packet once when it comes in, and lines that judge a multicast for each receiver. */
import type {Address, Family, Prefix} from '../util/address.ts';
import type {DevicePlan, GuardedPort} from '../policy/filter-rule.ts';
import {includes, union} from '../policy/prefix-set.ts';
import {chains, line as chainLine} from './chain-line.ts';
import type {ChainLine, Condition, Target} from './chain-line.ts';
import {oneOf} from './nftables-bridge-line.ts';
import {setMark} from './nftables-bridge-marks.ts';
import {dhcpServer, interfaceOf} from './nftables-bridge-ports.ts';
import type {ContentLine} from './nftables-content.ts';
import {chainName, conditionText, limitOf, targetText} from './nftables-lines.ts';
import type {NameOf} from './nftables-lines.ts';
import {defaultLines, isolationLines} from './perimeter-chains.ts';
import {ruleLines} from './perimeter-rules.ts';
import {builtIn} from './perimeter-sets.ts';

/** A line of the policy with the objects and sets it needs. */
export type PolicyLine = ContentLine & {
	readonly limit?: {readonly name: string; readonly text: string};
	/** Names of the address sets it looks a side up in. */
	readonly sets: readonly string[];
	/** Names of the address sets whose receivers it looks the way out up in. */
	readonly receivers: readonly string[];
};

/** Hosts whose multicast and broadcast are judged, by the name of their interface, each with the address that stands for it. */
export type Receivers = ReadonlyMap<string, Address>;

/** Beginning of the names of chains that judge a copy for one receiver, where those of a perimeter router begin with PFW. */
const copyPrefix = 'COPY';

/** Ports of bound hosts, and with isolation `all` everybody's who has not lifted port security; a host without an address of the family gets no copy. */
export function receiversOf(plan: DevicePlan, family: Family): Receivers {
	return new Map(judgedPorts(plan).flatMap(({port, addresses}) => {
		const address = addresses.find(own => own.family === family);
		return address ? [[interfaceOf(plan, port), address]] : [];
	}));
}

export function judgedPorts({guarded, shared}: DevicePlan): GuardedPort[] {
	return guarded.filter(({secured, bound}) => secured || (shared.isolation === 'all' && !bound));
}

/** First match decides, in the order of a switch: routers, rules, defaults. */
export function judgeLines(plan: DevicePlan, family: Family, nameOf: NameOf): PolicyLine[] {
	const {rules, shared} = plan;
	const {judge, allow, reject} = chains;
	const defaults = defaultLines(shared);
	const text = (line: ChainLine, frames: readonly string[] = []) => policyLine(line, family, frames, condition => conditionText(condition, family, nameOf));
	/** The address alone could be in a frame to a host, which takes any packet that it forwards or has given itself the address of. */
	const toRouters = (line: ChainLine) => shared.routerMacs.length === 0 ? [] : [text(line, [`ether daddr ${oneOf(shared.routerMacs)}`])];
	return [
		...toRouters(chainLine(judge, [{kind: 'set', side: 'dst', set: builtIn.routers, negated: false}], {chain: allow}, 'to a router', 'traffic to a router itself is not judged')),
		...rules.flatMap(rule => ruleLines(rule, family)).map(line => text(line)),
		...[...defaults, ...isolationLines(shared)].map(line => text(line)),
		text(chainLine(allow, [{kind: 'noted', noted: true}], 'accept', 'no connection', 'permitted, opens no connection')),
		text(chainLine(allow, [], 'make', 'make connection', 'permitted: make the connection')),
		text(chainLine(allow, [], 'accept', 'permitted', 'permitted')),
		...rules.every(({action}) => action !== 'reject') ? [] : [
			...unpartedLines(defaults).map(line => text(line)),
			...toRouters(chainLine(reject, [], 'prohibit', 'answered', 'rejected: the perimeter firewall answers')),
			text(chainLine(reject, [], 'drop', 'unanswered', 'rejected: not on the way to a firewall')),
		],
	];
}

/** A pair that no perimeter firewall parts has nobody to answer. Of the others go on those in a frame to a router: the way to the firewall. */
function unpartedLines(defaults: readonly ChainLine[]): ChainLine[] {
	return defaults.filter(({target}) => isChain(target, chains.isolate)).map(({conditions, label}) =>
		chainLine(chains.reject, conditions, 'drop', `rejected, ${label.replace('securenet: ', '')}`, 'rejected: there is no firewall between them to answer'));
}

/** The same rules and defaults for a copy: who receives it stands for its destination, no connection is made, and nobody answers. */
export function copyLines(plan: DevicePlan, family: Family, receivers: Receivers, nameOf: NameOf): PolicyLine[] {
	if (receivers.size === 0) {
		return [];
	}

	const {rules, shared} = plan;
	const lines = [...rules.flatMap(rule => ruleLines(rule, family)), ...defaultLines(shared), ...isolationLines(shared)];
	const text = (line: ChainLine, frames: readonly string[] = []) => policyLine(line, family, frames, condition => copyText(condition, family, receivers, nameOf));
	return [
		text(chainLine(copyPrefix, [{kind: 'set', side: 'dst', set: builtIn.bound, negated: false}], 'accept', 'dhcp answer', 'always allowed: answers to DHCP clients'), [dhcpServer[family]]),
		...lines.filter(({conditions}) => conditions.every(condition => !reachesNobody(condition, receivers))).map(line => text(copyOf(line))),
	];
}

/** Multicast is stateless: a stateful rule matches every copy, and what it lets pass makes nothing. */
function copyOf({chain, conditions, target, ...line}: ChainLine): ChainLine {
	const renamed = (name: string) => name.replace(chains.judge, copyPrefix);
	const end: Target = isChain(target, chains.allow) ? 'accept' : isChain(target, chains.reject) ? 'drop' : typeof target === 'object' && 'chain' in target ? {chain: renamed(target.chain)} : target;
	return {...line, chain: renamed(chain), conditions: conditions.filter(({kind}) => kind !== 'noted'), target: end};
}

function isChain(target: Target, chain: string): boolean {
	return typeof target === 'object' && 'chain' in target && target.chain === chain;
}

function reachesNobody(condition: Condition, receivers: Receivers): boolean {
	return condition.kind === 'prefixes' && condition.side === 'dst' && receiversIn(condition.prefixes, receivers).length === 0;
}

function copyText(condition: Condition, family: Family, receivers: Receivers, nameOf: NameOf): string {
	if (condition.kind === 'set' && condition.side === 'dst') {
		return `oifname ${condition.negated ? '!= ' : ''}@${receiversName(nameOf(condition.set, family))}`;
	}

	return condition.kind === 'prefixes' && condition.side === 'dst' ? `oifname ${oneOf(receiversIn(condition.prefixes, receivers))}` : conditionText(condition, family, nameOf);
}

/** Name of the set of those receivers whose addresses an address set holds. */
export function receiversName(set: string): string {
	return `to-${set}`;
}

/** @param prefixes in any order */
export function receiversIn(prefixes: readonly Prefix[], receivers: Receivers): string[] {
	const sorted = union(prefixes);
	return [...receivers].filter(([, address]) => includes(sorted, address)).map(([name]) => name);
}

/** Lines of rules count in an object that their label names, which goes on when the line is replaced; others count for themselves. */
function policyLine(line: ChainLine, family: Family, frames: readonly string[], textOf: (condition: Condition) => string): PolicyLine {
	const {chain, label, sentence, rule, conditions, target} = line;
	const counter = label.startsWith('secrule:') ? label.replaceAll(/\W+/g, '-') : undefined;
	const limit = conditions.flatMap(condition => condition.kind === 'rate' ? [limitOf(condition)] : [])[0];
	const named = conditions.filter(condition => condition.kind === 'set');
	const isCopy = chain.startsWith(copyPrefix);
	const ofReceivers = named.filter(({side}) => isCopy && side === 'dst').map(({set}) => set);
	return {
		chain: chainName(chain, family), label, sentence, ...(rule === undefined ? {} : {rule}), ...(counter === undefined ? {} : {counter}), ...(limit ? {limit} : {}),
		sets: named.filter(({side}) => !isCopy || side === 'src').map(({set}) => set), receivers: ofReceivers,
		text: [...frames, ...conditions.map(textOf), counter === undefined ? 'counter' : `counter name "${counter}"`, verdictText(target, family), `comment "${label}"`].join(' '),
	};
}

/** The bridge's chains cannot write a connection's mark, nor answer. */
function verdictText(target: Target, family: Family): string {
	switch (target) {
		case 'make':
			return setMark('make');
		case 'prohibit':
			return `${setMark('answer')} accept`;
		default:
			return targetText(target, family);
	}
}
