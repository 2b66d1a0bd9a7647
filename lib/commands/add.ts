/** `add host|router|link …`: what comes to the lab while it runs. */
import type {Lab} from '../lab.ts';
import type {Node} from '../node/node.ts';
import {refuseUnlessFree} from '../policy/names.ts';
import type {Reader} from '../policy/reader.ts';
import {shapingOptions} from '../topology/shaping.ts';
import type {EndSpec, LinkOptions, NodeKind, NodeSpec} from '../topology/specs.ts';
import {formatInterfaceAddress, tryParseInterfaceAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {Command, Scene} from './command.ts';
import {type LinksResult, describeLink, linksText} from './links.ts';
import {at, namesIn, nodeNames, takeNode} from './reading.ts';
import {readShapingWords} from './shaping-words.ts';

/** What was made, with all that was assigned. */
export type AddNodeResult = {
	readonly name: string;
	readonly kind: NodeKind;
	readonly interfaces: ReadonlyArray<{readonly name: string; readonly mac: string; /** With prefix length. */ readonly addresses: readonly string[]; readonly peer: {readonly node: string; readonly interface: string}}>;
};

export type AddLinkResult = LinksResult[number];

type NewNode = {readonly name: string; readonly to: string | undefined; readonly ip: readonly string[]; /** Number of its autonomous system, of an edge router. */ readonly as?: number};

export const addHostCommand: Command<NewNode, AddNodeResult> = {
	name: 'add host',
	usage: 'add host NAME [NODE] [ip ADDRESS/LENGTH]…',
	summary: 'add a host, linked to a node',
	details: 'Without ip it gets the next address of the hosts around it. The policy holds for it before it sends its first packet. Without a node it waits for its first link: add link.',
	read(reader, scene) {
		const node = readNode(reader, scene, 'host');
		reader.finish();
		return node;
	},
	async run(lab, {name, to, ip}) {
		return addNode(lab, {kind: 'host', name, options: ip.length > 0 ? {ip} : {}}, to === undefined ? undefined : [{node: name, options: {}}, {node: to, options: {}}]);
	},
	text: nodeText,
};

export const addRouterCommand: Command<NewNode, AddNodeResult> = {
	name: 'add router',
	usage: 'add router NAME [NODE [ip ADDRESS/LENGTH]… [bgp AS]]',
	summary: 'add a router, linked to a node',
	details: 'ip: of the interface towards the node. Hosts around it that have no gateway, and find no other router, take it. bgp: an edge router, which hosts can join; it answers ARP for those of the others.',
	read(reader, scene) {
		const node = readRouter(reader, scene);
		if (node.to === undefined && node.ip.length > 0) {
			throw new InputError('syntax', 'A router has its addresses on its links. Name the node it is linked to before ip, or write: add link.', {column: reader.column, expected: ['node']});
		}

		return node;
	},
	async run(lab, {name, to, ip, as}, {signal}) {
		return addNode(lab, {kind: 'router', name, options: as === undefined ? {} : {proxyArp: true, bgp: {as}}}, to === undefined ? undefined : [{node: name, options: ip.length > 0 ? {ip} : {}}, {node: to, options: {}}], signal);
	},
	text: nodeText,
};

type NewLink = {readonly ends: readonly [EndSpec, EndSpec]; readonly options: LinkOptions};

export const addLinkCommand: Command<NewLink, AddLinkResult> = {
	name: 'add link',
	usage: 'add link A [ip ADDRESS/LENGTH]… B [ip ADDRESS/LENGTH]… [OPTION …]',
	summary: 'link two nodes',
	details: 'Each gets an interface more, with the addresses that follow its name. Options shape both directions, as in: link A B set. A host that has had a link keeps its addresses.',
	read(reader, scene) {
		const first = readEnd(reader, scene);
		const second = readEnd(reader, scene);
		const options = readShapingWords(reader, reader.optional(shapingOptions));
		reader.finish();
		return {ends: [first, second], options};
	},
	async run(lab, {ends: [a, b], options}) {
		return describeLink(await lab.addLink(a, b, options));
	},
	text: link => linksText([link]),
};

function readRouter(reader: Reader, scene: Scene): NewNode {
	const node = readNode(reader, scene, 'router');
	if (node.to === undefined || reader.optional(['bgp']) === undefined) {
		reader.finish();
		return node;
	}

	const {text, column} = reader.take(['number of its autonomous system'], () => []);
	const as = Number(text);
	if (!/^\d+$/.test(text) || as < 1 || as > 4_294_967_295) {
		throw new InputError('syntax', `"${printable(text)}" is no number of an autonomous system. Write 1 to 4294967295, such as 65000.`, {column, expected: ['number of its autonomous system']});
	}

	reader.finish();
	return {...node, as};
}

function readNode(reader: Reader, scene: Scene, kind: NodeKind): NewNode {
	const name = reader.take(['new name'], () => []);
	at(name, () => {
		refuseUnlessFree(namesIn(scene), kind, name.text);
	});
	const before = readAddresses(reader);
	const to = reader.more(() => nodeNames(scene)) ? takeNode(reader, scene) : undefined;
	return {name: name.text, to, ip: [...before, ...readAddresses(reader)]};
}

function readEnd(reader: Reader, scene: Scene): EndSpec {
	const node = takeNode(reader, scene);
	const ip = readAddresses(reader);
	return {node, options: ip.length > 0 ? {ip} : {}};
}

/** `ip ADDRESS` as often as it stands there. @throws InputError `address` */
function readAddresses(reader: Reader): string[] {
	const addresses: string[] = [];
	while (reader.optional(['ip'])) {
		const {text, column} = reader.take(['address with its prefix length'], () => []);
		if (!text.includes('/') || !tryParseInterfaceAddress(text)) {
			throw new InputError('address', `"${printable(text)}" is no address with a prefix length. Write it like 10.0.0.9/24 or fd00::9/64.`, {column, expected: ['address with its prefix length']});
		}

		addresses.push(text);
	}

	return addresses;
}

async function addNode(lab: Lab, node: NodeSpec, link: readonly [EndSpec, EndSpec] | undefined, signal?: AbortSignal): Promise<AddNodeResult> {
	const {nodes: [added]} = await lab.add({nodes: [node], links: link ? [{ends: link, options: {}}] : []}, {signal});
	const {name, kind, interfaces} = added as Node;
	const peers = new Map(lab.network.links.flatMap(({ends: [a, b]}) => [[a, b], [b, a]] as const));
	return {
		name,
		kind,
		interfaces: interfaces.flatMap(each => {
			const peer = peers.get(each);
			return peer ? [{name: each.name, mac: each.mac, addresses: each.addresses.map(formatInterfaceAddress), peer: {node: peer.node, interface: peer.name}}] : [];
		}),
	};
}

function nodeText({interfaces}: AddNodeResult): string {
	return interfaces.map(({name, addresses, peer}) => [`${name}<->${peer.interface}`, ...addresses].join(' ')).join('\n');
}
