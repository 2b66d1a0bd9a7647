/** `add tunnel A B via gre|vxlan|ssh …`: a tunnel between two hosts or routers while the lab runs. */
import type {Reader} from '../policy/reader.ts';
import type {EndSpec, InterfaceOptions, TunnelOptions} from '../topology/specs.ts';
import {tryParseAddress, tryParseInterfaceAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {AddLinkResult} from './add.ts';
import type {Command} from './command.ts';
import {describeTunnel, linksText} from './links.ts';
import {takeNode, takeNodeUnless} from './reading.ts';
import {takeNumber} from './station-words.ts';

type NewTunnel = {readonly ends: readonly [EndSpec, EndSpec]; readonly options: TunnelOptions};

/** Largest key of GRE (RFC 2890), largest number of a VXLAN (RFC 7348). */
const largest = {key: 0xFF_FF_FF_FF, vni: 0xFF_FF_FF} as const;
/** Words that each kind of tunnel takes; all take those of its ends. */
const words = {gre: ['layer2', 'key'], vxlan: ['vni'], ssh: ['layer2']} as const;
const ofEnds = ['ip', 'endpoint'] as const;

type Carrier = keyof typeof words;
type OptionWord = (typeof words)[Carrier][number] | (typeof ofEnds)[number];

export const addTunnelCommand: Command<NewTunnel, AddLinkResult> = {
	name: 'add tunnel',
	usage: 'add tunnel A B via gre|vxlan|ssh [layer2] [key N] [vni N] [ip ADDRESS/LENGTH ADDRESS/LENGTH] [endpoint ADDRESS ADDRESS]',
	summary: 'join two hosts or routers by a tunnel',
	details: [
		'gre takes layer2 and key, vxlan takes vni and is always of layer 2, ssh takes layer2. Without layer2 it carries packets, with it Ethernet frames.',
		'ip: of the new interfaces, first that of A. endpoint: to which of its addresses the other end sends, first of A; without it the one in the other\'s subnet, else its only one.',
		'links shows it, del link A B takes it away.',
	].join('\n'),
	read(reader, scene) {
		const a = takeNode(reader, scene, 'host', 'router');
		const b = takeNodeUnless({via: `The second node is missing. Write: add tunnel ${a} NODE via gre.`}, reader, scene, a, 'host', 'router');
		if (a === b) {
			throw new InputError('same-node', `A tunnel has two ends, and both are ${a} here. Write: add tunnel A B via gre.`, {column: reader.column, expected: ['node']});
		}

		reader.oneOf(['via']);
		const via = reader.oneOf(Object.keys(words) as Carrier[]);
		const {options, ends: [first, second]} = readOptions(reader, via);
		reader.finish();
		return {ends: [{node: a, options: first}, {node: b, options: second}], options};
	},
	async run(lab, {ends: [a, b], options}, {signal}) {
		return describeTunnel(await lab.addTunnel(a, b, options, {signal}), lab.network);
	},
	text: tunnel => linksText([tunnel]),
};

type Pair = readonly [InterfaceOptions, InterfaceOptions];

function readOptions(reader: Reader, via: Carrier): {readonly options: TunnelOptions; readonly ends: Pair} {
	const known: readonly OptionWord[] = [...words[via], ...ofEnds];
	const given = new Set<OptionWord>();
	let options: TunnelOptions = {via};
	let ends: Pair = [{}, {}];
	const next = () => reader.optional(known.filter(word => !given.has(word)));
	for (let word = next(); word; word = next()) {
		given.add(word);
		if (word === 'ip' || word === 'endpoint') {
			const [a, b] = [takeEnd(reader, word), takeEnd(reader, word)];
			ends = [{...ends[0], [word]: a}, {...ends[1], [word]: b}];
		} else {
			// Only words that this kind of tunnel takes come here.
			options = {...options, ...word === 'layer2' ? {mode: 'layer2'} : {[word]: takeNumber(reader, word, 0, largest[word])}};
		}
	}

	if (given.size < known.length && reader.more(() => [])) {
		reader.oneOf([], {hint: carriersHint});
	}

	return {options, ends};
}

/** Which kinds of tunnels take a word that this one does not. */
function carriersHint(text: string): string | undefined {
	const carriers = Object.entries(words).filter(([, own]) => (own as readonly string[]).includes(text)).map(([via]) => via);
	return carriers.length > 0 ? `Only ${carriers.join(' and ')} ${carriers.length > 1 ? 'take' : 'takes'} ${text}.` : undefined;
}

/** What one end gets. @throws InputError `address` */
function takeEnd(reader: Reader, word: (typeof ofEnds)[number]): string {
	const isInterface = word === 'ip';
	const what = isInterface ? 'address with its prefix length' : 'address';
	const {text, column} = reader.take([what], () => []);
	if (isInterface ? !text.includes('/') || !tryParseInterfaceAddress(text) : !tryParseAddress(text)) {
		throw new InputError('address', `"${printable(text)}" is no ${what}. Write it like ${isInterface ? '10.9.0.1/30 or fd09::1/64' : '10.0.0.1'}.`, {column, expected: [what]});
	}

	return text;
}
