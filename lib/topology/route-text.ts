/** Routes as files, scripts and lines write them: read into what they mean, and written back. */
import {type Address, type Family, type Prefix, formatAddress, formatPrefix, tryParseAddress, tryParsePrefix} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {NextHopPlan, RoutePlan} from './blueprint.ts';
import {type NextHopOptions, type RouteOptions, refusals} from './routing-options.ts';

/** The table of everyday routes (RT_TABLE_MAIN), and the largest number of a table or a metric. */
export const mainTable = 254;
export const largestNumber = 0xFF_FF_FF_FF;
const mostWeight = 256;

export const routeForm = 'Write it like {to: \'10.2.0.0/16\', via: \'10.0.0.254\'} or {to: \'default\', interface: \'eth0\'}';

/** The route, or what is wrong with it, as `its route to "…" ` goes on. */
export function readRoute(options: RouteOptions): RoutePlan | string {
	const {interface: name, onlink, nextHops = [], type, table, metric} = options;
	const [via, source] = [options.via, options.source].map(text => text === undefined ? undefined : tryParseAddress(text));
	const hops = nextHops.map(hop => ({...hop, via: hop.via === undefined ? undefined : tryParseAddress(hop.via)}));
	const to = readDestination(options.to, [via, ...hops.map(hop => hop.via), source]);
	const mistake = to ? addressMistake(to, options, [via, ...hops.map(hop => hop.via)], source) ?? wayMistake(to, options) ?? numberMistake(options) : 'names no prefix (the host bits must be zero)';
	if (mistake !== undefined || !to) {
		return mistake ?? '';
	}

	return withoutGaps<RoutePlan>({
		to,
		...hops.length > 1 ? {nextHops: hops.map(planOf)} : withoutWeight(planOf(hops[0] ?? {via, interface: name, onlink})),
		type, source,
		table: table === mainTable ? undefined : table,
		metric: metric === defaultMetric(to) ? undefined : metric,
	});
}

/** @throws InputError `route` */
export function parseRoute(options: RouteOptions): RoutePlan {
	const route = readRoute(options);
	if (typeof route === 'string') {
		throw new InputError('route', `The route to "${printable(options.to)}" ${route}. ${routeForm}.`, {expected: ['route']});
	}

	return route;
}

/** What the kernel takes when nobody says (IP6_RT_PRIO_USER). */
export function defaultMetric({family}: {readonly family: Family}): number {
	return family === 4 ? 0 : 1024;
}

/** As options have it; `readRoute` reads it back. */
export function routeOptions({to, via, nextHops, source, interface: name, onlink, ...rest}: RoutePlan): RouteOptions {
	return {
		to: destinationText({to, via, nextHops}),
		...hopOptions({via, interface: name, onlink}),
		...nextHops ? {nextHops: nextHops.map(hopOptions)} : {},
		...rest,
		...source ? {source: formatAddress(source)} : {},
	};
}

/** `default` where the next hop tells the family. */
function destinationText({to, via, nextHops}: {readonly to: Prefix; readonly via: Address | undefined; readonly nextHops: readonly NextHopPlan[] | undefined}): string {
	const isPlain = to.family === 4 || via !== undefined || nextHops?.some(hop => hop.via) === true;
	return to.length === 0 && isPlain ? 'default' : formatPrefix(to);
}

function hopOptions({via, interface: name, onlink, weight}: {[Key in keyof NextHopPlan]: NextHopPlan[Key] | undefined}): NextHopOptions {
	return withoutGaps<NextHopOptions>({via: via && formatAddress(via), interface: name, onlink, weight: weight === 1 ? undefined : weight});
}

function readDestination(to: string, addresses: ReadonlyArray<Address | undefined>): Prefix | undefined {
	return to === 'default' ? everything(addresses.find(address => address !== undefined)?.family ?? 4) : tryParsePrefix(to);
}

export function everything(family: Family): Prefix {
	return {family, value: 0n, length: 0};
}

function addressMistake(to: Prefix, options: RouteOptions, vias: ReadonlyArray<Address | undefined>, source: Address | undefined): string | undefined {
	const texts = [options.via, ...(options.nextHops ?? []).map(hop => hop.via)];
	const unread = texts.find((text, index) => text !== undefined && !vias[index]);
	if (unread !== undefined) {
		return `goes via "${printable(unread)}", which is no address`;
	}

	if (options.source !== undefined && !source) {
		return `has the source "${printable(options.source)}", which is no address`;
	}

	return vias.some(via => via && via.family !== to.family) ? 'goes via an address of the other family' : source && source.family !== to.family ? 'has a source of the other family' : undefined;
}

function wayMistake(to: Prefix, {via, interface: name, onlink, nextHops, type}: RouteOptions): string | undefined {
	const hops = nextHops ?? [{via, interface: name, onlink}];
	if (nextHops && (via !== undefined || name !== undefined || onlink !== undefined)) {
		return 'has nextHops beside via, interface or onlink';
	}

	if (type !== undefined) {
		return !refusals.includes(type) ? `is of the unknown type "${printable(type)}"` : nextHops ?? via ?? name ?? onlink ? `is of type ${type} and names a next hop` : undefined;
	}

	if (hops.length === 0 || hops.some(hop => hop.via === undefined && hop.interface === undefined)) {
		return 'has neither via nor interface';
	}

	if (hops.some(hop => hop.onlink === true && (hop.via === undefined || hop.interface === undefined))) {
		return 'is onlink without both via and interface';
	}

	return to.family === 6 && hops.length > 1 && hops.some(hop => hop.via === undefined) ? 'has several next hops, and IPv6 wants an address (via) of each' : undefined;
}

function numberMistake({table, metric, nextHops = []}: RouteOptions): string | undefined {
	if (table !== undefined && !isWithin(table, 1, largestNumber)) {
		return `stands in table ${table}, and tables have numbers from 1 to ${largestNumber}`;
	}

	if (metric !== undefined && !isWithin(metric, 0, largestNumber)) {
		return `has the metric ${metric}, and metrics go from 0 to ${largestNumber}`;
	}

	const heavy = nextHops.find(({weight = 1}) => !isWithin(weight, 1, mostWeight));
	return heavy && `has a next hop of weight ${heavy.weight ?? ''}, and weights go from 1 to ${mostWeight}`;
}

export function isWithin(number: number, first: number, last: number): boolean {
	return Number.isInteger(number) && number >= first && number <= last;
}

function planOf({via, interface: name, onlink, weight}: {readonly via: Address | undefined} & {readonly [Key in Exclude<keyof NextHopOptions, 'via'>]?: NextHopOptions[Key] | undefined}): NextHopPlan {
	return withoutGaps<NextHopPlan>({via, interface: name, onlink: onlink === true ? true : undefined, weight: weight === 1 ? undefined : weight});
}

function withoutWeight({via, interface: name, onlink}: NextHopPlan): Omit<NextHopPlan, 'weight'> {
	return withoutGaps<Omit<NextHopPlan, 'weight'>>({via, interface: name, onlink});
}

/** Leaves out what is undefined. */
export function withoutGaps<Whole extends object>(members: {readonly [Key in keyof Whole]: Whole[Key] | undefined}): Whole {
	return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Whole;
}
