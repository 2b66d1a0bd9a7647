/** The rule language: reads a sentence into a rule, prints it back, and knows which words may come next. */
import type {Word} from '../util/words.ts';
import {formatPrefix, tryParseInterfaceAddress, tryParsePrefix, networkOf} from '../util/address.ts';
import type {Prefix} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, printable, sortNames} from '../util/names.ts';
import type {Action, Peer, Rule} from './model.ts';
import {meaningOf} from './names.ts';
import type {Names} from './names.ts';
import {Reader} from './reader.ts';

/*
The grammar; spaces part the words.
- RULE := ACTION PEER to PEER
- ACTION := allow | deny
- PEER := any | GROUP | IPG | NODE | ADDRESS | PREFIX
- A word that begins with a digit or holds `.`, `:` or `/` is an ADDRESS or a PREFIX, every other one a name: names begin with a
  letter and hold none of these, so no word can be both.
- Nodes, groups and IPGs share one name space, so a name means one thing (names.ts).
- NODE is a host or a router: switches and bridges have no address that could be judged.
- A quoted word is never a word of the grammar: 'any' is a name.
*/

/** What a sentence says; the id comes from the policy that takes it in. */
export type RuleParts = {readonly action: Action; readonly from: Peer; readonly to: Peer};

const actions: readonly Action[] = ['allow', 'deny'];
const peerKinds: readonly string[] = ['any', 'group', 'IPG', 'node', 'address', 'prefix'];

/** How a rule is written, for usage lines. */
export const ruleUsage = 'allow|deny PEER to PEER';

/**
Reads the words after `secrule add`.

@param column where the first word would stand when there is none, 1-based
@throws InputError with the column of the mistake, what was expected there and the nearest known words
*/
export function parseRule(words: readonly Word[], names: Names, column = 1): RuleParts {
	const reader = new Reader(words, ruleUsage, column);
	const rule = readRule(reader, names);
	reader.finish();
	return rule;
}

/** Prints a rule as a sentence that reads back to an equal rule. */
export function sentence({action, from, to}: RuleParts): string {
	return `${action} ${peerText(from)} to ${peerText(to)}`;
}

/**
All words that may come after those given, for Tab; none when the given ones are no beginning of a rule.

@param words the complete words after `secrule add`, without the one being typed
*/
export function completeRule(words: readonly Word[], names: Names): string[] {
	const reader = new Reader(words, ruleUsage);
	try {
		readRule(reader, names);
	} catch (error) {
		if (!(error instanceof InputError)) {
			throw error;
		}
	}

	return [...reader.offered];
}

/** All names that may stand as a peer, `any` first. */
export function completePeer({nodes, groups, ipgs}: Names): string[] {
	const addressed = [...nodes].filter(([, {kind}]) => kind === 'host' || kind === 'router').map(([name]) => name);
	return ['any', ...sortNames(groups.keys()), ...sortNames(ipgs.keys()), ...sortNames(addressed)];
}

/** The words of a rule in their order; completion and parsing both come through here. Leaves what comes after it. @throws as parseRule */
export function readRule(reader: Reader, names: Names): RuleParts {
	const action = reader.oneOf(actions);
	const from = readPeer(reader, names);
	reader.oneOf(['to']);
	const to = readPeer(reader, names);
	return {action, from, to};
}

function readPeer(reader: Reader, names: Names): Peer {
	const word = reader.take(peerKinds, () => completePeer(names));
	if (word.text === 'any' && !word.quoted) {
		return {kind: 'any'};
	}

	return /^\d|[.:/]/.test(word.text) ? {kind: 'prefix', prefix: readPrefix(word)} : readName(word, names);
}

/** Also says where a range or an exclusion belongs, since these look like addresses but are none. */
function readPrefix({text, column}: Word): Prefix {
	const prefix = tryParsePrefix(text);
	if (prefix) {
		return prefix;
	}

	const subnet = tryParseInterfaceAddress(text);
	const mistake = subnet ? `has host bits set. Its network is ${formatPrefix(networkOf(subnet))}` : 'is not an address or a prefix. Write it like 10.0.0.1, 10.0.0.0/24 or fd00::/64';
	const detour = /^!|-/.test(text) ? '; ranges and exclusions belong in an IPG: secrule ipg add NAME MEMBER …' : '';
	throw new InputError('address', `"${printable(text)}" ${mistake}${detour}.`, {
		column,
		expected: ['address', 'prefix'],
		nearest: subnet ? [formatPrefix(networkOf(subnet))] : [],
	});
}

function readName({text, column}: Word, names: Names): Peer {
	switch (meaningOf(names, text)) {
		case 'group':
			return {kind: 'group', name: text};
		case 'IPG':
			return {kind: 'ipg', name: text};
		case 'host':
		case 'router':
			return {kind: 'node', name: text};
		case 'switch':
		case 'bridge':
			throw new InputError('peer', `${text} has no address: packets pass through it, none begin or end there. Name a host, a router, a group or an address.`, {column, expected: peerKinds, nearest: []});
		case undefined: {
			const {nearest, hint} = nearestTo(text, completePeer(names));
			throw new InputError('unknown-peer', `There is no group, IPG or node "${printable(text)}".${hint} A group exists from its first bind on: NODE bind GROUP. An IPG: secrule ipg add NAME MEMBER …`, {column, expected: peerKinds, nearest});
		}
	}
}

/** A peer as a sentence names it. Nodes, groups and IPGs share one name space, so the text stands for one peer. */
export function peerText(peer: Peer): string {
	switch (peer.kind) {
		case 'any':
			return 'any';
		case 'prefix':
			return formatPrefix(peer.prefix);
		default:
			return peer.name;
	}
}

/** The sentence of a rule with its number, as messages name it: `2 (allow sg1 to sg2)`. */
export function numbered(rule: Rule): string {
	return `${rule.id} (${sentence(rule)})`;
}
