/** One side of a rule: read from a sentence, printed back. */
import {formatPrefix, networkOf, tryParseInterfaceAddress, tryParsePrefix} from '../util/address.ts';
import type {Prefix} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, printable, sortNames} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {Peer} from './model.ts';
import {type Names, meaningOf} from './names.ts';
import type {Manner, Reader} from './reader.ts';

/*
The grammar of a peer.
- PEER := any | GROUP | IPG | NODE | ADDRESS | PREFIX | not PEER | ( PEER, PEER … )
- A word that begins with a digit or holds `.`, `:` or `/` is an ADDRESS or a PREFIX, every other one a name: names begin with a
  letter and hold none of these, so no word can be both.
- Everything that has a name shares one name space, so a name means one thing (names.ts).
- NODE is a host or a router: switches and bridges have no address that could be judged.
- A quoted word is never a word of the grammar: 'any' is a name.
- Parentheses and commas need no spaces.
*/

/** How peers, and words right beside them, are taken. */
export const peerManner: Manner = {marks: '(),'};
const peerKinds: readonly string[] = ['any', 'group', 'IPG', 'node', 'address', 'prefix', 'not', '('];

/** How deep peers stand in each other: nobody reads a deeper sentence, and a line of parentheses must not exhaust the stack. */
export const deepestPeer = 16;

/** @throws InputError `syntax`, `address`, `unknown-peer`, `peer` with the column of the mistake */
export function readPeer(reader: Reader, names: Names, depth = 0): Peer {
	const word = reader.take(peerKinds, () => ['any', 'not', '(', ...peerNames(names)], peerManner);
	if (depth > deepestPeer) {
		throw new InputError('peer', `Peers stand more than ${deepestPeer} deep in each other here. Declare an IPG for what is inside: secrule ipg add NAME MEMBER …`, {column: word.column, expected: peerKinds, nearest: []});
	}

	switch (word.quoted ? '' : word.text) {
		case 'any':
			return {kind: 'any'};
		case 'not':
			return {kind: 'not', peer: readPeer(reader, names, depth + 1)};
		case '(':
			return {kind: 'list', peers: readList(reader, names, depth + 1)};
		default:
			return /^\d|[.:/]/.test(word.text) ? {kind: 'prefix', prefix: readPrefix(word)} : readName(word, names);
	}
}

/** A peer as a sentence names it. The text stands for one peer, for a name means one thing. */
export function peerText(peer: Peer): string {
	switch (peer.kind) {
		case 'any':
			return 'any';
		case 'prefix':
			return formatPrefix(peer.prefix);
		case 'not':
			return `not ${peerText(peer.peer)}`;
		case 'list':
			return `(${peer.peers.map(peerText).join(', ')})`;
		default:
			return peer.name;
	}
}

/** The groups, IPGs and nodes that a peer names, also inside `not` and lists. */
export function namedPeers(peer: Peer): Array<Extract<Peer, {readonly name: string}>> {
	switch (peer.kind) {
		case 'any':
		case 'prefix':
			return [];
		case 'not':
			return namedPeers(peer.peer);
		case 'list':
			return peer.peers.flatMap(namedPeers);
		default:
			return [peer];
	}
}

function readList(reader: Reader, names: Names, depth: number): Peer[] {
	const peers = [readPeer(reader, names, depth)];
	while (reader.oneOf([',', ')'], peerManner) === ',') {
		peers.push(readPeer(reader, names, depth));
	}

	return peers;
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
	const meaning = meaningOf(names, text);
	switch (meaning) {
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
		case 'service':
		case 'rule':
			throw new InputError('peer', `${text} is a ${meaning}, and stands for no addresses. Name a host, a router, a group, an IPG or an address.`, {column, expected: peerKinds, nearest: []});
		case undefined: {
			const {nearest, hint} = nearestTo(text, ['any', 'not', ...peerNames(names)]);
			throw new InputError('unknown-peer', `There is no group, IPG or node "${printable(text)}".${hint} A group exists from its first bind on: NODE bind GROUP. An IPG: secrule ipg add NAME MEMBER …`, {column, expected: peerKinds, nearest});
		}
	}
}

/** All names that may stand as a peer. */
function peerNames({nodes, groups, ipgs}: Names): string[] {
	const addressed = [...nodes].filter(([, {kind}]) => kind === 'host' || kind === 'router').map(([name]) => name);
	return [...sortNames(groups.keys()), ...sortNames(ipgs.keys()), ...sortNames(addressed)];
}
