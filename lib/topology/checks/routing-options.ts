/** What options of routing look like: lists of objects with known members, each of its kind. */
import type {NeighborOptions, NextHopOptions, RouteOptions, RuleOptions} from '../routing-options.ts';

type Test = (value: unknown) => boolean;
type Members<Options> = Readonly<Record<keyof Options, Test>>;

const isText: Test = value => typeof value === 'string';
const isNumber: Test = value => typeof value === 'number';
const isFlag: Test = value => typeof value === 'boolean';
const isTextOrNumber: Test = value => isText(value) || isNumber(value);

const nextHop: Members<NextHopOptions> = {via: isText, interface: isText, onlink: isFlag, weight: isNumber};
const route: Members<RouteOptions> = {
	to: isText, via: isText, interface: isText, onlink: isFlag, nextHops: listOf(nextHop, []), type: isText, table: isNumber, metric: isNumber, source: isText,
};
const rule: Members<RuleOptions> = {from: isText, to: isText, interface: isText, mark: isTextOrNumber, table: isNumber, priority: isNumber, family: value => value === 4 || value === 6};
const neighbor: Members<NeighborOptions> = {address: isText, mac: isText, interface: isText};

export const areRoutes = listOf(route, ['to']);
export const areRules = listOf(rule, ['table']);
export const areNeighbors = listOf(neighbor, ['address', 'mac']);

export function areSysctls(value: unknown): boolean {
	return isObject(value) && Object.values(value).every(isTextOrNumber);
}

function listOf(members: Readonly<Record<string, Test>>, needed: readonly string[]): Test {
	return value => Array.isArray(value) && value.every(item => isObject(item) && needed.every(name => (item as Record<string, unknown>)[name] !== undefined)
		&& Object.entries(item).every(([name, member]) => Object.hasOwn(members, name) && (member === undefined || members[name]?.(member) === true)));
}

function isObject(value: unknown): value is object {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
