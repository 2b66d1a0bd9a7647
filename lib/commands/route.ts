/** `NODE route add|del|list`: routes of a host or router while it runs. */
import {NextHopError} from '../node/next-hop.ts';
import type {NodeRoute} from '../node/routes.ts';
import type {Reader} from '../policy/reader.ts';
import {largestNumber, withoutGaps} from '../topology/route-text.ts';
import {type NextHopOptions, type RouteOptions, refusals} from '../topology/routing-options.ts';
import type {Word} from '../util/words.ts';
import type {Command, Scene} from './command.ts';
import {type Station, pointedAt, refuseUnknownInterfaces, stationKinds, tableText, takeAddress, takeInterface, takeNumber, takePrefix, takeStation, takeTable} from './station-words.ts';

/** In the kernel's order, IPv4 first. */
export type RouteListResult = readonly NodeRoute[];
/** The route as it was read. */
export type RouteChangeResult = RouteOptions;

type Input = {readonly node: string; /** Of the prefix. */ readonly column: number; readonly route: RouteOptions; readonly places: Places};

/** Where words stand that only the node's kernel can judge. */
type Places = {
	readonly interfaces: Word[];
	/** Columns of the next hops. */
	readonly hops: number[];
};

const mostWeight = 256;
const form = '[blackhole|unreachable|prohibit] PREFIX|default [via ADDRESS] [dev INTERFACE] [onlink] [weight N] …';
const rest = '[metric N] [table N] [source ADDRESS] [proto NAME]';

export const routeAddCommand: Command<Input, RouteChangeResult> = {
	name: 'NODE route add',
	usage: `NODE route add ${form} ${rest}`,
	kinds: stationKinds,
	summary: 'add a route to a host or router',
	details: [
		'Several via are several next hops, which share the flows by weight. onlink: the next hop is on the wire of the interface, whatever the subnets say.',
		'What was added comes back when its link has been down. proto, as route list prints it, changes nothing. A program of this name is meant when an option follows: NODE route -n.',
	].join('\n'),
	read(reader, scene) {
		return readRoute(reader, scene, true);
	},
	async run(lab, {node: name, column, route, places: {interfaces, hops}}) {
		const node = lab.node(name);
		refuseUnknownInterfaces(node, interfaces);
		pointedAt(column, () => {
			try {
				node.addRoute(route);
			} catch (error) {
				throw error instanceof NextHopError ? error.locate({column: hops[error.hop] ?? column}) : error;
			}
		});
		return Promise.resolve(route);
	},
	text: () => '',
};

export const routeDelCommand: Command<Input, RouteChangeResult> = {
	name: 'NODE route del',
	usage: `NODE route del ${form} ${rest}`,
	kinds: stationKinds,
	summary: 'take a route away',
	details: 'What is left out may be anything, but the words must mean one route.',
	read(reader, scene) {
		return readRoute(reader, scene, false);
	},
	async run(lab, {node, column, route}) {
		pointedAt(column, () => {
			lab.node(node).deleteRoute(route);
		});
		return Promise.resolve(route);
	},
	text: () => '',
};

export const routeListCommand: Command<{readonly node: string; readonly table: number | 'all' | undefined}, RouteListResult> = {
	name: 'NODE route list',
	usage: 'NODE route list [table N|NAME|all]',
	kinds: stationKinds,
	summary: 'the routes of a host or router, as its kernel has them',
	details: 'Without a table those of the main one. Every line is one that route add and route del read.',
	read(reader, scene) {
		const {name: node} = takeStation(reader, scene);
		const table = reader.optional(['table']) && (reader.optional(['all']) ?? takeTable(reader));
		reader.finish();
		return {node, table};
	},
	async run(lab, {node, table}) {
		return Promise.resolve(lab.node(node).routes({table}));
	},
	text(routes) {
		return routes.map(routeText).join('\n');
	},
};

/** @param needsWay a route that is to be deleted need not say where it leads */
function readRoute(reader: Reader, scene: Scene, needsWay: boolean): Input {
	const station = takeStation(reader, scene);
	const type = reader.optional(refusals);
	const to = takePrefix(reader, ['default']);
	const {column} = reader;
	const places: Places = {interfaces: [], hops: []};
	const hops = type ? [] : readHops(reader, station, needsWay, places);
	const options = readOptions(reader);
	reader.finish();
	const [only, ...others] = hops;
	return {node: station.name, column, route: {to, ...others.length > 0 ? {nextHops: hops} : withoutWeight(only), ...type ? {type} : {}, ...options}, places};
}

function readHops(reader: Reader, station: Station, needsWay: boolean, places: Places): NextHopOptions[] {
	const hops: NextHopOptions[] = [];
	for (let word = needsWay ? reader.oneOf(['via', 'dev']) : reader.optional(['via', 'dev']); word; word = reader.optional(['via'])) {
		hops.push(readHop(reader, station, word, places));
	}

	return hops;
}

/** @param places are told where its words stand */
function readHop(reader: Reader, station: Station, word: 'via' | 'dev', {interfaces, hops}: Places): NextHopOptions {
	const via = word === 'via' ? takeAddress(reader) : undefined;
	hops.push(reader.column);
	const by = word === 'dev' || reader.optional(['dev']) ? takeInterface(reader, station) : undefined;
	interfaces.push(...by ? [by] : []);
	const onlink = via !== undefined && by !== undefined && reader.optional(['onlink']) !== undefined;
	const weight = reader.optional(['weight']) && takeNumber(reader, 'weight', 1, mostWeight);
	return {...via === undefined ? {} : {via}, ...by === undefined ? {} : {interface: by.text}, ...onlink ? {onlink} : {}, ...weight === undefined ? {} : {weight}};
}

/** A next hop without another one takes everything, whatever its weight. */
function withoutWeight({via, interface: name, onlink}: NextHopOptions = {}): Omit<NextHopOptions, 'weight'> {
	return withoutGaps<Omit<NextHopOptions, 'weight'>>({via, interface: name, onlink});
}

type Rest = Pick<RouteOptions, 'metric' | 'table' | 'source'>;

function readOptions(reader: Reader): Rest {
	let options: Rest = {};
	const given = new Set<string>();
	const next = () => reader.optional((['metric', 'table', 'source', 'proto'] as const).filter(word => !given.has(word)));
	for (let word = next(); word; word = next()) {
		given.add(word);
		options = {...options, ...readOption(reader, word)};
	}

	return options;
}

function readOption(reader: Reader, word: 'metric' | 'table' | 'source' | 'proto'): Rest {
	switch (word) {
		case 'metric':
			return {metric: takeNumber(reader, 'metric', 0, largestNumber)};
		case 'table':
			return {table: takeTable(reader)};
		case 'source':
			return {source: takeAddress(reader)};
		case 'proto': {
			reader.take(['name of who made it'], () => []);
			return {};
		}
	}
}

/** As `route add` reads it. */
export function routeText({to, via, interface: name, onlink, nextHops, type, metric, table, source, protocol}: NodeRoute): string {
	return [
		...type ? [type] : [],
		to,
		...(nextHops ?? [withoutGaps<NextHopOptions>({via, interface: name, onlink, weight: undefined})]).map(hopText),
		...metric === undefined ? [] : [`metric ${metric}`],
		...table === undefined ? [] : [`table ${tableText(table)}`],
		...source === undefined ? [] : [`source ${source}`],
		`proto ${protocol}`,
	].filter(part => part !== '').join(' ');
}

function hopText({via, interface: name, onlink, weight}: NextHopOptions): string {
	return [...via === undefined ? [] : [`via ${via}`], ...name === undefined ? [] : [`dev ${name}`], ...onlink === true ? ['onlink'] : [], ...weight === undefined ? [] : [`weight ${weight}`]].join(' ');
}
