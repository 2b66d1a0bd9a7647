/** `NODE neighbor add|del|list`: whom a host or router knows on its wires, and whom it need not ask for. */
import type {Lab} from '../lab.ts';
import {type NodeNeighbor, onlyInterface} from '../node/neighbors.ts';
import type {Node} from '../node/node.ts';
import type {Reader} from '../policy/reader.ts';
import {readNeighbor} from '../topology/neighbors.ts';
import {type Segment, segmentsOf} from '../topology/segments.ts';
import {type Mac, formatAddress, sameAddress, tryParseAddress, tryParseMac} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, sortNames} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {Command, Scene} from './command.ts';
import {nodeNames} from './reading.ts';
import {type Station, pointedAt, refuseUnknownInterfaces, stationKinds, takeAddress, takeInterface, takeStation} from './station-words.ts';

/** By interface and address. */
export type NeighborListResult = ReadonlyArray<NodeNeighbor & {
	/** The node whose MAC it is, when it is one of the lab's. */
	readonly node?: string;
}>;
export type NeighborChangeResult = {readonly address: string; readonly mac?: string; readonly interface?: string};

type Input = {
	readonly node: string;
	readonly address: Pick<Word, 'text' | 'column'>;
	readonly mac: Word | undefined;
	readonly by: Word | undefined;
};

export const neighborAddCommand: Command<Input, NeighborChangeResult> = {
	name: 'NODE neighbor add',
	usage: 'NODE neighbor add ADDRESS lladdr MAC|NODE [dev INTERFACE]',
	kinds: stationKinds,
	summary: 'tell a host or router the MAC behind an address, so that it need not ask (static ARP)',
	details: 'The name of a node on the same wire stands for its MAC. What was added comes back when its link has been down.',
	read(reader, scene) {
		return readInput(reader, scene, true);
	},
	async run(lab, input) {
		const {address: {text: address, column}, by} = input;
		const node = lab.node(input.node);
		refuseUnknownInterfaces(node, by ? [by] : []);
		refuseOwn(node, input.address);
		const name = by?.text ?? pointedAt(column, () => onlyInterface(node, address));
		const mac = macOf(lab, input, () => name);
		pointedAt(column, () => {
			node.addNeighbor({address, mac, interface: name});
		});
		return Promise.resolve({address, mac, ...by ? {interface: by.text} : {}});
	},
	text: () => '',
};

export const neighborDelCommand: Command<Input, NeighborChangeResult> = {
	name: 'NODE neighbor del',
	usage: 'NODE neighbor del ADDRESS [lladdr MAC|NODE] [dev INTERFACE]',
	kinds: stationKinds,
	summary: 'make a host or router forget whom it knows at an address, learned or told',
	read(reader, scene) {
		return readInput(reader, scene, false);
	},
	async run(lab, input) {
		const {address: {text: address, column}, mac, by} = input;
		const node = lab.node(input.node);
		refuseUnknownInterfaces(node, by ? [by] : []);
		const wanted = mac && macOf(lab, input, () => by?.text ?? pointedAt(column, () => onlyInterface(node, address)));
		const name = wanted === undefined ? by?.text : interfaceOf(node, input, wanted);
		const neighbor = {address, ...name === undefined ? {} : {interface: name}};
		pointedAt(column, () => {
			node.deleteNeighbor(neighbor);
		});
		return Promise.resolve(neighbor);
	},
	text: () => '',
};

export const neighborListCommand: Command<string, NeighborListResult> = {
	name: 'NODE neighbor list',
	usage: 'NODE neighbor list',
	kinds: stationKinds,
	summary: 'whom a host or router knows on its wires: address, interface, MAC, state, whose MAC it is',
	details: 'Every line is one that neighbor del reads, and one with a MAC neighbor add too. permanent: told, never asked for. incomplete, failed: asked for in vain. The others were heard of, lately (reachable) or earlier.',
	read(reader, scene) {
		const {name} = takeStation(reader, scene);
		reader.finish();
		return name;
	},
	async run(lab, name) {
		const owners = new Map([...lab.network.nodes.values()].flatMap(({name: node, interfaces}) => interfaces.map(({mac}) => [mac, node] as const)));
		return Promise.resolve(lab.node(name).neighbors().map(neighbor => {
			const node = owners.get(neighbor.mac ?? '');
			return {...neighbor, ...node === undefined ? {} : {node}};
		}));
	},
	text(neighbors) {
		return columns(neighbors.map(({address, interface: name, mac, state, node}) => [address, `dev ${name}`, mac === undefined ? '' : `lladdr ${mac}`, `# ${[state, ...node === undefined ? [] : [node]].join(', ')}`]));
	},
};

/** `lladdr` and `dev` may stand in any order. */
function readInput(reader: Reader, scene: Scene, needsMac: boolean): Input {
	const station = takeStation(reader, scene);
	const text = takeAddress(reader);
	const {column} = reader;
	const {lladdr: mac, dev: by} = readNames(reader, scene, station, needsMac);
	reader.finish();
	return {node: station.name, address: {text, column}, mac, by};
}

function readNames(reader: Reader, scene: Scene, station: Station, needsMac: boolean): {readonly lladdr?: Word; readonly dev?: Word} {
	let names: {readonly lladdr?: Word; readonly dev?: Word} = {};
	const left = () => (['lladdr', 'dev'] as const).filter(word => !(word in names));
	const next = () => needsMac && !names.lladdr ? reader.oneOf(left()) : reader.optional(left());
	for (let word = next(); word; word = next()) {
		names = {...names, [word]: word === 'dev' ? takeInterface(reader, station) : reader.take(['MAC', 'node'], () => nodeNames(scene, 'host', 'router'))};
	}

	return names;
}

/** @throws InputError `neighbor` */
function refuseOwn(node: Node, {text, column}: Input['address']): void {
	const address = tryParseAddress(text);
	if (address && node.addresses.some(own => sameAddress(own.address, address))) {
		throw new InputError('neighbor', `${formatAddress(address)} is an address of ${node.name} itself. Give one of a node on its wire.`, {column, expected: ['address']});
	}
}

/** The one that was named; else the one of several that know the address where it has this MAC. @throws InputError `neighbor` when the node knows only others at the address */
function interfaceOf(node: Node, {address: {text}, mac, by}: Input, wanted: Mac): string | undefined {
	const address = tryParseAddress(text);
	const found = node.neighbors().filter(each => address && each.address === formatAddress(address) && (by === undefined || each.interface === by.text));
	const [meant, ...others] = found.filter(each => each.mac === wanted);
	if (found.length > 0 && !meant) {
		const [known, advice] = found.length > 1
			? [found.map(each => `${macText(each)} on ${each.interface}`).join(' and '), 'Give one of those']
			: [found.map(macText).join(''), 'Leave lladdr out, or give that one'];
		throw new InputError('neighbor', `${node.name} knows ${known} at ${text}. ${advice}.`, {...mac ? {column: mac.column} : {}, expected: ['MAC']});
	}

	return by?.text ?? (found.length > 1 && others.length === 0 ? meant?.interface : undefined);
}

function macText({mac}: NodeNeighbor): string {
	return mac === undefined ? 'no MAC' : `the MAC ${mac}`;
}

/** @param interfaceFor its name, asked where the MAC is that of a node @throws InputError `neighbor` */
function macOf({network}: Lab, {node: name, address: {text: address}, mac: word}: Input, interfaceFor: () => string): Mac {
	const {text = '', column = 1} = word ?? {};
	const given = tryParseMac(text);
	if (given) {
		return given;
	}

	const by = interfaceFor();
	const segment: Segment = [...segmentsOf(network.blueprint)].find(([each]) => each.node === name && each.name === by)?.[1] ?? [];
	const found = readNeighbor({address, mac: text, interface: by}, network.node(name).interfaces, () => segment);
	if (typeof found !== 'string') {
		return found.mac;
	}

	const around = sortNames(new Set(segment.map(each => each.node).filter(each => each !== name)));
	const {nearest, hint} = nearestTo(text, around);
	throw new InputError('neighbor', `The neighbor ${found}.${hint} Write a MAC such as 02:00:00:00:00:02${around.length > 0 ? `, or one of ${around.join(', ')}` : ''}.`, {column, expected: ['MAC', 'node'], nearest});
}
