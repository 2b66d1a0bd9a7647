/** `NODE route add|del|list`: routes of a host or router while it runs. */
import type {NodeRoute} from '../node/routes.ts';
import type {Reader} from '../policy/reader.ts';
import {largestNumber, withoutGaps} from '../topology/route-text.ts';
import {type NextHopOptions, type RouteOptions, refusals} from '../topology/routing-options.ts';
import type {Command, Scene} from './command.ts';
import {type Station, pointedAt, takeAddress, takeInterface, takeNumber, takePrefix, takeStation} from './station-words.ts';

/** In the kernel's order, IPv4 first. */
export type RouteListResult = readonly NodeRoute[];
/** The route as it was read. */
export type RouteChangeResult = RouteOptions;

type Input = {readonly node: string; readonly column: number; readonly route: RouteOptions};

const mostWeight = 256;
const form = '[blackhole|unreachable|prohibit] PREFIX|default [via ADDRESS] [dev INTERFACE] [onlink] [weight N] …';
const rest = '[metric N] [table N] [source ADDRESS]';

export const routeAddCommand: Command<Input, RouteChangeResult> = {
	name: 'NODE route add',
	usage: `NODE route add ${form} ${rest}`,
	summary: 'add a route to a host or router',
	details: [
		'Several via are several next hops, which share the flows by weight. onlink: the next hop is on the wire of the interface, whatever the subnets say.',
		'What was added comes back when its link has been down. A program of this name is meant when an option follows: NODE route -n.',
	].join('\n'),
	read(reader, scene) {
		return readRoute(reader, scene, true);
	},
	async run(lab, {node, column, route}) {
		pointedAt(column, () => {
			lab.node(node).addRoute(route);
		});
		return Promise.resolve(route);
	},
	text: () => '',
};

export const routeDelCommand: Command<Input, RouteChangeResult> = {
	name: 'NODE route del',
	usage: `NODE route del ${form} ${rest}`,
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
	usage: 'NODE route list [table N|all]',
	summary: 'the routes of a host or router, as its kernel has them',
	details: 'Without a table those of the main one, 254. Every line but those of the kernel is one that route add reads, less its proto.',
	read(reader, scene) {
		const {name: node} = takeStation(reader, scene);
		const table = reader.optional(['table']) && (reader.optional(['all']) ?? takeNumber(reader, 'number of a table', 1, largestNumber));
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
	const hops = type ? [] : readHops(reader, station, needsWay);
	const options = readOptions(reader);
	reader.finish();
	const [only, ...others] = hops;
	return {node: station.name, column, route: {to, ...others.length > 0 ? {nextHops: hops} : withoutWeight(only), ...type ? {type} : {}, ...options}};
}

function readHops(reader: Reader, station: Station, needsWay: boolean): NextHopOptions[] {
	const hops: NextHopOptions[] = [];
	for (let word = needsWay ? reader.oneOf(['via', 'dev']) : reader.optional(['via', 'dev']); word; word = reader.optional(['via'])) {
		hops.push(readHop(reader, station, word));
	}

	return hops;
}

function readHop(reader: Reader, station: Station, word: 'via' | 'dev'): NextHopOptions {
	const via = word === 'via' ? takeAddress(reader) : undefined;
	const name = word === 'dev' || reader.optional(['dev']) ? takeInterface(reader, station) : undefined;
	const onlink = via !== undefined && name !== undefined && reader.optional(['onlink']) !== undefined;
	const weight = reader.optional(['weight']) && takeNumber(reader, 'weight', 1, mostWeight);
	return {...via === undefined ? {} : {via}, ...name === undefined ? {} : {interface: name}, ...onlink ? {onlink} : {}, ...weight === undefined ? {} : {weight}};
}

/** A next hop without another one takes everything, whatever its weight. */
function withoutWeight({via, interface: name, onlink}: NextHopOptions = {}): Omit<NextHopOptions, 'weight'> {
	return withoutGaps<Omit<NextHopOptions, 'weight'>>({via, interface: name, onlink});
}

function readOptions(reader: Reader): Pick<RouteOptions, 'metric' | 'table' | 'source'> {
	let options: Pick<RouteOptions, 'metric' | 'table' | 'source'> = {};
	const left = () => (['metric', 'table', 'source'] as const).filter(word => !(word in options));
	for (let word = reader.optional(left()); word; word = reader.optional(left())) {
		options = {...options, [word]: word === 'source' ? takeAddress(reader) : word === 'metric' ? takeNumber(reader, 'metric', 0, largestNumber) : takeNumber(reader, 'number of a table', 1, largestNumber)};
	}

	return options;
}

/** As `route add` reads it. */
export function routeText({to, via, interface: name, onlink, nextHops, type, metric, table, source, protocol}: NodeRoute): string {
	return [
		...type ? [type] : [],
		to,
		...(nextHops ?? [withoutGaps<NextHopOptions>({via, interface: name, onlink, weight: undefined})]).map(hopText),
		...metric === undefined ? [] : [`metric ${metric}`],
		...table === undefined ? [] : [`table ${table}`],
		...source === undefined ? [] : [`source ${source}`],
		`proto ${protocol}`,
	].filter(part => part !== '').join(' ');
}

function hopText({via, interface: name, onlink, weight}: NextHopOptions): string {
	return [...via === undefined ? [] : [`via ${via}`], ...name === undefined ? [] : [`dev ${name}`], ...onlink === true ? ['onlink'] : [], ...weight === undefined ? [] : [`weight ${weight}`]].join(' ');
}
