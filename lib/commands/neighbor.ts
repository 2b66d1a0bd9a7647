/** `NODE neighbor add|del|list`: whom a host or router knows on its wires, and whom it need not ask for. */
import type {Lab} from '../lab.ts';
import type {NodeNeighbor} from '../node/neighbors.ts';
import type {Reader} from '../policy/reader.ts';
import {neighborForm, readNeighbor} from '../topology/neighbors.ts';
import type {NeighborOptions} from '../topology/routing-options.ts';
import {segmentsOf} from '../topology/segments.ts';
import {tryParseMac} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {nodeNames} from './reading.ts';
import {type Station, pointedAt, takeAddress, takeInterface, takeStation} from './station-words.ts';

/** By interface and address. */
export type NeighborListResult = ReadonlyArray<NodeNeighbor & {
	/** The node whose MAC it is, when it is one of the lab's. */
	readonly node?: string;
}>;
export type NeighborChangeResult = {readonly address: string; readonly mac?: string; readonly interface?: string};

type Input = {readonly node: string; readonly column: number; readonly neighbor: NeighborOptions};

export const neighborAddCommand: Command<Input, NeighborChangeResult> = {
	name: 'NODE neighbor add',
	usage: 'NODE neighbor add ADDRESS lladdr MAC|NODE [dev INTERFACE]',
	summary: 'tell a host or router the MAC behind an address, so that it need not ask (static ARP)',
	details: 'The name of a node on the same wire stands for its MAC. What was added comes back when its link has been down.',
	read(reader, scene) {
		const station = takeStation(reader, scene);
		const address = takeAddress(reader);
		const {column} = reader;
		reader.oneOf(['lladdr']);
		const mac = reader.take(['MAC', 'node'], () => nodeNames(scene)).text;
		const name = readInterface(reader, station);
		reader.finish();
		return {node: station.name, column, neighbor: {address, mac, ...name === undefined ? {} : {interface: name}}};
	},
	async run(lab, {node, column, neighbor}) {
		return Promise.resolve(pointedAt(column, () => {
			const mac = macOf(lab, node, neighbor);
			lab.node(node).addNeighbor({...neighbor, mac});
			return {...neighbor, mac};
		}));
	},
	text: () => '',
};

export const neighborDelCommand: Command<Omit<Input, 'neighbor'> & {readonly neighbor: Omit<NeighborOptions, 'mac'>}, NeighborChangeResult> = {
	name: 'NODE neighbor del',
	usage: 'NODE neighbor del ADDRESS [dev INTERFACE]',
	summary: 'make a host or router forget whom it knows at an address, learned or told',
	read(reader, scene) {
		const station = takeStation(reader, scene);
		const address = takeAddress(reader);
		const {column} = reader;
		const name = readInterface(reader, station);
		reader.finish();
		return {node: station.name, column, neighbor: {address, ...name === undefined ? {} : {interface: name}}};
	},
	async run(lab, {node, column, neighbor}) {
		pointedAt(column, () => {
			lab.node(node).deleteNeighbor(neighbor);
		});
		return Promise.resolve(neighbor);
	},
	text: () => '',
};

export const neighborListCommand: Command<string, NeighborListResult> = {
	name: 'NODE neighbor list',
	usage: 'NODE neighbor list',
	summary: 'whom a host or router knows on its wires: address, interface, MAC, state, whose MAC it is',
	details: 'permanent: told, never asked for. incomplete, failed: asked for in vain. The others were heard of, lately (reachable) or earlier.',
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
		return columns(neighbors.map(({address, interface: name, mac, state, node}) => [address, name, mac ?? '-', state, node ?? '']));
	},
};

function readInterface(reader: Reader, station: Station): string | undefined {
	return reader.optional(['dev']) && takeInterface(reader, station);
}

/** @throws InputError `neighbor` */
function macOf({network}: Lab, name: string, options: NeighborOptions): string {
	if (tryParseMac(options.mac)) {
		return options.mac;
	}

	const segments = [...segmentsOf(network.blueprint)];
	const found = readNeighbor(options, network.node(name).interfaces, by => segments.find(([each]) => each.node === name && each.name === by)?.[1] ?? []);
	if (typeof found === 'string') {
		throw new InputError('neighbor', `The neighbor ${found}. ${neighborForm}.`, {expected: ['MAC', 'node']});
	}

	return found.mac;
}
