/** Renders the plan of a perimeter router as ipsets and chains, and the steps that turn one rendering into the next. */
import {compareAddresses} from '../util/address.ts';
import type {Family} from '../util/address.ts';
import type {AddressSet, DevicePlan, SharedPlan} from '../policy/filter-rule.ts';
import {builtIn, chainLines, chains} from './perimeter-chains.ts';
import type {ChainLine} from './perimeter-chains.ts';
import {changeLines, createLines, destroyLines, direction, elementLimit, installedSet, resetLines, sameElements} from './perimeter-sets.ts';
import type {InstalledSet, InstalledSets} from './perimeter-sets.ts';

/** Everything installed on a perimeter router. */
export type PerimeterState = {
	/** Counts the changes that needed new names, so that no name of what is installed is given again. */
	readonly generation: number;
	readonly sets: InstalledSets;
	/** Empty when the router has no chains yet. */
	readonly lines: Readonly<Record<Family, readonly ChainLine[]>>;
};

/** A router that forwards everything. */
export const plainRouter: PerimeterState = {generation: 0, sets: new Map(), lines: {4: [], 6: []}};

/** How to get from one state to another; each step is one that no packet can see half done. */
export type PerimeterSteps = {
	/** Lines of `ipset restore` that make new ipsets, which nothing uses yet. */
	readonly create: readonly string[];
	/** Lines of `ipset restore` that change ipsets in use. */
	readonly change: readonly string[];
	/** Families whose chains are replaced by `restoreText`. */
	readonly replace: readonly Family[];
	/** Lines of `ipset restore` that delete what nothing uses any more. */
	readonly destroy: readonly string[];
};

/** Comment of a line to its packets and bytes. */
export type Counters = ReadonlyMap<string, {readonly packets: number; readonly bytes: number}>;

/** @param previous what is installed; sets that can be changed in place keep their names */
export function renderPerimeter(plan: DevicePlan, previous: PerimeterState): PerimeterState {
	const sets = setsOf(plan.shared).map(set => installedSet(set, previous.sets.get(set.name)?.generation ?? previous.generation + 1));
	const inPlace = withLines(plan, sets, previous.generation);
	if (sameLines(previous, inPlace) && canChangeInPlace(previous.sets, inPlace.sets)) {
		return inPlace;
	}

	const generation = previous.generation + 1;
	return withLines(plan, sets.map(set => isChanged(previous.sets, set) ? {...set, generation} : set), generation);
}

/** All parts are empty when the states are equal. */
export function diffPerimeter(previous: PerimeterState, next: PerimeterState): PerimeterSteps {
	const created = [...next.sets.values()].filter(set => previous.sets.get(set.name)?.generation !== set.generation);
	const gone = [...previous.sets.values()].filter(set => next.sets.get(set.name)?.generation !== set.generation);
	return {
		create: created.flatMap(createLines),
		change: inSafeOrder(previous.sets, changedSets(previous.sets, next.sets)),
		replace: ([4, 6] as const).filter(family => !sameText(previous.lines[family], next.lines[family])),
		destroy: gone.flatMap(destroyLines),
	};
}

/** Lines of `ipset restore` that take the `change` of a step back, however far it came: it is no transaction. */
export function undoLines(previous: PerimeterState, next: PerimeterState): string[] {
	return changedSets(previous.sets, next.sets).flatMap(({name}) => {
		const old = previous.sets.get(name);
		return old ? resetLines(old) : [];
	});
}

export function isEmpty({create, change, replace, destroy}: PerimeterSteps): boolean {
	return create.length + change.length + replace.length + destroy.length === 0;
}

/**
Text for `iptables-restore --noflush --counters` that replaces the chains of one family in one transaction. The first line
of each label takes over what all lines of that label have counted.

@param next no lines: the chains are taken away
*/
export function restoreText(previous: readonly ChainLine[], next: readonly ChainLine[], counters: Counters): string {
	const attach = previous.length === 0 ? [':FORWARD DROP [0:0]', '-A FORWARD -j PFW', '-A FORWARD -j DROP'] : [];
	const detach = next.length === 0 ? [':FORWARD ACCEPT [0:0]', '-D FORWARD -j PFW', '-D FORWARD -j DROP', ...chains.map(chain => `-X ${chain}`)] : [];
	const counted = new Set<string>();
	const lines = next.map(({text, label}) => {
		const {packets, bytes} = (counted.has(label) ? undefined : counters.get(label)) ?? {packets: 0, bytes: 0};
		counted.add(label);
		return `[${packets}:${bytes}] ${text}`;
	});
	return ['*filter', ...chains.map(chain => `:${chain} - [0:0]`), ...attach, ...detach, ...lines, 'COMMIT', ''].join('\n');
}

/** What ipset cannot hold. */
export function unsupportedByPerimeter({shared}: DevicePlan): string[] {
	return setsOf(shared)
		.filter(({prefixes}) => prefixes.length >= elementLimit)
		.map(({name, prefixes}) => `an ipset holds less than ${elementLimit} elements, ${name} has ${prefixes.length}`);
}

function setsOf({sets, bound, routers, isolation, domains}: SharedPlan): AddressSet[] {
	const join = (name: string, all: SharedPlan['domains']) => ({name, prefixes: all.flatMap(({subnets}) => subnets).sort(compareAddresses)});
	return [
		...sets.values(),
		...isolation === 'bound' ? [bound] : [],
		routers,
		...domains.map(({id, subnets}) => ({name: builtIn.domain(id), prefixes: subnets})),
		join(builtIn.inside, domains),
		join(builtIn.open, domains.filter(({perimeter}) => !perimeter)),
	];
}

function withLines(plan: DevicePlan, list: readonly InstalledSet[], generation: number): PerimeterState {
	const sets = new Map(list.map(set => [set.name, set]));
	return {generation, sets, lines: {4: chainLines(plan, sets, 4), 6: chainLines(plan, sets, 6)}};
}

/**
One set that rules name may change under its name, and with it the set of bound hosts where both grow or both shrink.
That is safe one after the other: rules decide first, so in between a packet finds either the rule it will find, or the
default it had, and no rule that matched before has stopped to match, for no rule says `not`; the same backwards. Any
other change of two sets could show a packet a policy that nobody wrote.
*/
function canChangeInPlace(previous: InstalledSets, next: InstalledSets): boolean {
	if (previous.size !== next.size || [...next.keys()].some(name => !previous.has(name))) {
		return false;
	}

	const changed = changedSets(previous, next);
	const directions = new Set(changed.map(set => directionOf(previous, set)));
	return changed.length <= 1 || (changed.length === 2 && changed.some(({name}) => name === builtIn.bound) && directions.size === 1 && !directions.has('both'));
}

function changedSets(previous: InstalledSets, next: InstalledSets): InstalledSet[] {
	return [...next.values()].filter(set => isChanged(previous, set));
}

/** Whether the set keeps its name and changes its content. */
function isChanged(previous: InstalledSets, set: InstalledSet): boolean {
	const old = previous.get(set.name);
	return old?.generation === set.generation && !sameElements(old, set);
}

/** As `canChangeInPlace` wants it: the bound hosts last when they become more, first when they become fewer. */
function inSafeOrder(previous: InstalledSets, changed: readonly InstalledSet[]): string[] {
	const boundLast = changed.toSorted((a, b) => Number(a.name === builtIn.bound) - Number(b.name === builtIn.bound));
	const ordered = changed.some(set => directionOf(previous, set) === 'shrinks') ? boundLast.reverse() : boundLast;
	return ordered.flatMap(set => {
		const old = previous.get(set.name);
		return old ? changeLines(old, set) : [];
	});
}

function directionOf(previous: InstalledSets, set: InstalledSet): string {
	const old = previous.get(set.name);
	return old ? direction(old, set) : 'grows';
}

function sameLines(previous: PerimeterState, next: PerimeterState): boolean {
	return sameText(previous.lines[4], next.lines[4]) && sameText(previous.lines[6], next.lines[6]);
}

function sameText(previous: readonly ChainLine[], next: readonly ChainLine[]): boolean {
	return previous.length === next.length && previous.every(({text}, index) => text === next[index]?.text);
}
