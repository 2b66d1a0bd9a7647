/** What a sentence says beside its action and its peers: clauses, in any order, each kind once. */
import {InputError} from '../util/errors.ts';
import {codeOf, nearestTo, printable, sortNames, unknownName} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import {icmpTypes} from './icmp-types.ts';
import type {Action, Place, PortProtocol, PortRange, Rate, RuleParts, Traffic} from './model.ts';
import {type Names, refuseUnlessFree} from './names.ts';
import {knownPorts} from './port-names.ts';
import {readPorts} from './ports.ts';
import type {Manner, Reader} from './reader.ts';
import {readRuleReference} from './rule-reference.ts';

/*
The grammar of clauses.
- TRAFFIC := tcp|udp|sctp [sport PORTS] [dport PORTS] | icmp|icmp6 [type NAME] | proto NUMBER | service NAME[,NAME]
- STATE := stateful | stateless
- PLACE := prio N | before ID | after ID, where ID may be the name of a rule
- LOG := log ["TEXT"]
- RATE := rate N/s [burst N], of allow rules only
- NAME := name NAME
- COMMENT := comment "TEXT"
*/

export type Said = Omit<RuleParts, 'action' | 'from' | 'to'>;

type Kind = 'traffic' | 'state' | 'place' | 'log' | 'rate' | 'name' | 'comment';
type Clause = {readonly kind: Kind; readonly read: (reader: Reader, names: Names) => Said};

/** By the word each begins with. */
const clauses: ReadonlyMap<string, Clause> = new Map<string, Clause>([
	...(['tcp', 'udp', 'sctp'] as const).map(protocol => [protocol, {kind: 'traffic', read: (reader, names) => ({traffic: readPortTraffic(reader, names, protocol)})}] as const satisfies [string, Clause]),
	...(['icmp', 'icmp6'] as const).map(protocol => [protocol, {kind: 'traffic', read: reader => ({traffic: readIcmp(reader, protocol)})}] as const satisfies [string, Clause]),
	['proto', {kind: 'traffic', read: reader => ({traffic: {kind: 'protocol', number: readNumber(reader, 'proto', 0, 255)}})}],
	['service', {kind: 'traffic', read: (reader, names) => ({traffic: readServices(reader, names)})}],
	['stateful', {kind: 'state', read: () => ({stateful: true})}],
	['stateless', {kind: 'state', read: () => ({stateful: false})}],
	['prio', {kind: 'place', read: reader => ({prio: readNumber(reader, 'prio', 0, highestPrio)})}],
	['before', {kind: 'place', read: (reader, {rules}) => ({place: readPlace(reader, 'before', rules)})}],
	['after', {kind: 'place', read: (reader, {rules}) => ({place: readPlace(reader, 'after', rules)})}],
	['log', {kind: 'log', read: reader => ({log: {text: readLogText(reader)}})}],
	['rate', {kind: 'rate', read: reader => ({rate: readRate(reader)})}],
	['name', {kind: 'name', read: (reader, names) => ({name: readRuleName(reader, names)})}],
	['comment', {kind: 'comment', read: reader => ({comment: readText(reader)})}],
]);

/** Words that stand right behind one of these only, with an example. */
const followers: ReadonlyMap<string, string> = new Map([
	['sport', 'tcp sport 1024-65535 dport 80'],
	['dport', 'tcp dport 80'],
	['type', 'icmp type echo-request'],
	['burst', 'rate 10/s burst 20'],
]);

const highestPrio = 65_535;
/** iptables counts tokens in 1/10,000 s, so no driver can be asked for more (XT_LIMIT_SCALE, linux/netfilter/xt_limit.h). */
const highestRate = 10_000;
/** As iptables-extensions(8) has it for `limit`. */
const leastBurst = 5;
const longestText = 200;

/**
Reads clauses to the end of the sentence.

@throws InputError with the column of the mistake, what was expected there and the nearest known words
*/
export function readClauses(reader: Reader, names: Names, action: Action): Said {
	const given = new Map<Kind, string>();
	let said: Said = {};
	const open = (): string[] => [...clauses].filter(([, {kind}]) => !given.has(kind) && (kind !== 'rate' || action === 'allow')).map(([word]) => word);
	while (reader.more(open)) {
		const word = reader.oneOf([...clauses.keys()], {what: 'a clause', hint: text => followerHint(text) ?? portHint(text, said, names)});
		const clause = clauses.get(word);
		if (clause) {
			refuseClause(word, clause.kind, given.get(clause.kind), action, {column: reader.column, expected: open(), nearest: []});
			given.set(clause.kind, word);
			said = {...said, ...clause.read(reader, names)};
		}
	}

	return said;
}

function followerHint(text: string): string | undefined {
	const example = followers.get(text);
	return example && `"${text}" goes with the words before it in: ${example}.`;
}

/** What stands behind a protocol as `explain` has it: a port. */
function portHint(text: string, {traffic}: Said, {ports = knownPorts}: Names): string | undefined {
	const isPort = traffic?.kind === 'ports' && (/^\d+(?:-\d+)?$/.test(text) || ports.numberOf(text, traffic.protocol) !== undefined);
	return !isPort ? undefined : traffic.dport ? 'Several ports stand in braces: {80,443}.' : `Did you mean ${traffic.protocol} dport ${printable(text)}?`;
}

function refuseClause(word: string, kind: Kind, before: string | undefined, action: Action, details: InputError['details']): void {
	if (before !== undefined) {
		const same = word === before ? `"${word}" stands twice` : `"${word}" and "${before}" exclude each other`;
		throw new InputError('duplicate-clause', `${same}: a sentence has one ${kind} clause.${kind === 'traffic' ? ' Write a rule for each, or declare a service: secrule service add NAME PROTO/PORTS …' : ''}`, details);
	}

	if (kind === 'rate' && action !== 'allow') {
		throw new InputError('rate', `A ${action} rule lets nothing pass whose rate could be limited. Write rate in an allow rule; what is over it is dropped.`, details);
	}
}

function readPortTraffic(reader: Reader, {ports}: Names, protocol: PortProtocol): Traffic {
	const said: {sport?: PortRange[]; dport?: PortRange[]} = {};
	const next = () => reader.optional((['sport', 'dport'] as const).filter(side => said[side] === undefined));
	for (let side = next(); side; side = next()) {
		said[side] = readPorts(reader, protocol, ports, side === 'dport' ? 1 : 0);
	}

	return {kind: 'ports', protocol, ...said};
}

function readIcmp(reader: Reader, protocol: 'icmp' | 'icmp6'): Traffic {
	if (!reader.optional(['type'])) {
		return {kind: 'icmp', protocol};
	}

	const known = [...icmpTypes].filter(([, meaning]) => protocol === 'icmp' || meaning[6]).map(([name]) => name);
	const {text, column} = reader.take(['ICMP type'], () => known);
	if (!known.includes(text)) {
		const {nearest, hint} = nearestTo(text, known);
		const reason = icmpTypes.has(text) ? `ICMPv6 has no ${text}` : `There is no ICMP type "${printable(text)}"`;
		throw new InputError('unknown-icmp-type', `${reason}.${hint} Tab lists the names.`, {column, expected: ['ICMP type'], nearest});
	}

	return {kind: 'icmp', protocol, type: text};
}

function readServices(reader: Reader, {services}: Names): Traffic {
	const manner: Manner = {marks: ','};
	const named = new Set<string>();
	do {
		const {text, column} = reader.take(['service'], () => sortNames(services.keys()), manner);
		if (!services.has(text)) {
			throw unknownName('service', text, services.keys(), column);
		}

		named.add(text);
	} while (reader.optional([','], manner));

	return {kind: 'services', names: [...named]};
}

function readPlace(reader: Reader, side: Place['side'], rules: Names['rules']): Place {
	return {side, rule: readRuleReference(reader, rules)};
}

function readLogText(reader: Reader): string {
	const word = reader.quoted();
	return word ? checkedText(word) : '';
}

function readText(reader: Reader): string {
	return checkedText(reader.take(['"text"'], () => []));
}

/**
Texts go to files, terminals and logs. A control character or half a surrogate pair does not come through there, and what nobody sees could
show another text than is kept: marks that turn the direction of writing, joiners, separators of lines.
*/
const unkept = /[\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}]/u;

/** In the line a text may have backslashes that it has not, so a character is looked for there. */
function checkedText({text, raw, column}: Word): string {
	const refused = (reason: string, at: number) => new InputError('text', `"${printable(text)}" cannot be kept: ${reason}.`, {column: at, expected: ['"text"'], nearest: []});
	const [character] = unkept.exec(text) ?? [];
	if (character !== undefined) {
		throw refused(`the character ${codeOf(character)} in it is one that nobody sees. Leave it out`, column + raw.indexOf(character));
	}

	if (text.length > longestText) {
		throw refused(`at most ${longestText} characters fit, and it has ${text.length}`, column);
	}

	return text;
}

function readRate(reader: Reader): Rate {
	const {text, column} = reader.take(['N/s'], () => []);
	const perSecond = Number(/^(\d{1,9})\/s$/.exec(text)?.[1]);
	if (!(perSecond >= 1 && perSecond <= highestRate)) {
		throw new InputError('rate', `"${printable(text)}" is no rate. Write it like 10/s, from 1/s to ${highestRate}/s.`, {column, expected: ['N/s'], nearest: []});
	}

	return {perSecond, burst: reader.optional(['burst']) ? readNumber(reader, 'burst', 1, highestRate) : Math.max(leastBurst, perSecond)};
}

function readRuleName(reader: Reader, names: Names): string {
	const {text, column} = reader.take(['name'], () => []);
	try {
		refuseUnlessFree(names, 'rule', text);
	} catch (error) {
		throw error instanceof InputError ? error.locate({column}) : error;
	}

	return text;
}

function readNumber(reader: Reader, what: string, least: number, most: number): number {
	const {text, column} = reader.take(['number'], () => []);
	const number = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
	if (number === undefined || number < least || number > most) {
		throw new InputError('number', `"${printable(text)}" cannot follow ${what}: a number from ${least} to ${most} does.`, {column, expected: ['number'], nearest: []});
	}

	return number;
}
