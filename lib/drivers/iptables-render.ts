/** Renders the plan of a perimeter router as ipsets and chains, and the steps that turn one rendering into the next. */
import type {Family} from '../util/address.ts';
import type {DevicePlan, Match} from '../policy/filter-rule.ts';
import type {TextLine} from './iptables-lines.ts';
import {allLines, updateLines} from './iptables-list.ts';
import {builtIn, changeLines, createLines, destroyLines, direction, elementLimit, installedSet, resetLines, sameElements, setsOf} from './perimeter-sets.ts';
import type {InstalledSet, InstalledSets} from './perimeter-sets.ts';

/** Everything installed on a perimeter router. */
export type PerimeterState = {
	/** What was rendered; undefined for a router that no policy has touched. */
	readonly plan: DevicePlan | undefined;
	/** Counts the changes that needed new names, so that no name of what is installed is given again. */
	readonly generation: number;
	readonly sets: InstalledSets;
	/** Empty when the router has no chains yet. */
	readonly lines: Readonly<Record<Family, readonly TextLine[]>>;
	readonly uses: SetUses;
};

/** How rules name sets: as they are, by their complement (`not`), or both. */
type SetUses = {readonly plain: ReadonlySet<string>; readonly negated: ReadonlySet<string>};

/** A router that forwards everything. */
export const plainRouter: PerimeterState = {plan: undefined, generation: 0, sets: new Map(), lines: {4: [], 6: []}, uses: {plain: new Set(), negated: new Set()}};

/** How to get from one state to another; each step is one that no packet can see half done. */
export type PerimeterSteps = {
	/** Lines of `ipset restore` that make new ipsets, which nothing uses yet. */
	readonly create: readonly string[];
	/** Lines of `ipset restore` that change ipsets in use. */
	readonly change: readonly string[];
	/** Families whose chains change: by `editText` of iptables-edit.ts, or replaced by `restoreText`. */
	readonly replace: readonly Family[];
	/** Lines of `ipset restore` that delete what nothing uses any more. */
	readonly destroy: readonly string[];
};

/** @param previous what is installed; sets that can be changed in place keep their names */
export function renderPerimeter(plan: DevicePlan, previous: PerimeterState): PerimeterState {
	const sets = setsOf(plan.shared).map(set => installedSet(set, previous.sets.get(set.name)?.generation ?? previous.generation + 1));
	const inPlace = withLines(plan, sets, previous.generation, previous);
	if (sameLines(previous, inPlace) && canChangeInPlace(previous.sets, inPlace)) {
		return inPlace;
	}

	const generation = previous.generation + 1;
	const changed = changedSets(previous.sets, inPlace.sets);
	return changed.length === 0 ? {...inPlace, generation} : withLines(plan, sets.map(set => changed.includes(set) ? {...set, generation} : set), generation, previous);
}

/** All parts are empty when the states are equal. */
export function diffPerimeter(previous: PerimeterState, next: PerimeterState): PerimeterSteps {
	const created = [...next.sets.values()].filter(set => previous.sets.get(set.name)?.generation !== set.generation);
	const gone = [...previous.sets.values()].filter(set => next.sets.get(set.name)?.generation !== set.generation);
	return {
		create: created.flatMap(createLines),
		change: inSafeOrder(previous.sets, next),
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
Text for `iptables-restore --noflush` that replaces the chains of one family in one transaction.

@param next no lines: the chains are taken away
*/
export function restoreText(previous: readonly TextLine[], next: readonly TextLine[]): string {
	const chains = new Set([...next, ...previous].map(({chain}) => chain));
	const gone = new Set(chains);
	next.forEach(({chain}) => gone.delete(chain));
	const attach = previous.length === 0 ? [':FORWARD DROP [0:0]', '-A FORWARD -j PFW', '-A FORWARD -j DROP'] : [];
	const detach = next.length === 0 ? [':FORWARD ACCEPT [0:0]', '-D FORWARD -j PFW', '-D FORWARD -j DROP'] : [];
	// Naming a chain empties it, so that those which are gone may be deleted.
	return ['*filter', ...Array.from(chains, chain => `:${chain} - [0:0]`), ...attach, ...detach, ...next.map(({text}) => text), ...Array.from(gone, chain => `-X ${chain}`), 'COMMIT', ''].join('\n');
}

/** Text for `iptables-restore --noflush` before the chains go, in a transaction of its own: in one with them their last rule would be gone a moment before the policy of FORWARD changes, and what comes then be dropped. */
export const openText = ['*filter', ':FORWARD ACCEPT [0:0]', 'COMMIT', ''].join('\n');

/** Takes that back, when the chains stay after all. */
export const closeText = openText.replace('ACCEPT', 'DROP');

/** xt_limit counts in ten-thousandths of a second and takes no longer burst. */
const limitMaximum = 10_000;

/** What ipset and xt_limit cannot hold. */
export function unsupportedByPerimeter({shared, rules}: DevicePlan): string[] {
	return [
		...setsOf(shared)
			.filter(({prefixes}) => prefixes.length >= elementLimit)
			.map(({name, prefixes}) => `an ipset holds less than ${elementLimit} elements, ${name} has ${prefixes.length}`),
		...rules
			.filter(({rate}) => rate !== undefined && Math.max(rate.perSecond, rate.burst) > limitMaximum)
			.map(({sentence}) => `iptables limits to ${limitMaximum} packets a second and in a burst at most: ${sentence}`),
	];
}

function withLines(plan: DevicePlan, list: readonly InstalledSet[], generation: number, previous: PerimeterState): PerimeterState {
	const sets = new Map(list.map(set => [set.name, set]));
	const isSame = isSameBesideRules(plan, sets, previous);
	if (isSame && plan.rules === previous.plan?.rules) {
		return {...previous, plan, generation, sets};
	}

	const lines = (family: Family) => (isSame ? updateLines(plan.rules, sets, family, previous) : undefined) ?? allLines(plan, sets, family);
	return {plan, generation, sets, lines: {4: lines(4), 6: lines(6)}, uses: usesOf(plan)};
}

/** Whether only lines of rules can differ: the sets have the names they had, and so do the defaults. */
function isSameBesideRules({shared}: DevicePlan, sets: InstalledSets, {plan, sets: previous}: PerimeterState): boolean {
	return shared.domains === plan?.shared.domains && shared.isolation === plan.shared.isolation && shared.sets.size === plan.shared.sets.size
		&& sets.size === previous.size && [...sets.values()].every(({name, generation}) => previous.get(name)?.generation === generation);
}

/** A set that only rules of other devices name may count as either: no packet here can tell. */
function usesOf({rules, shared}: DevicePlan): SetUses {
	const [plain, negated] = [new Set<string>(), new Set<string>()];
	const use = (side: Match) => {
		if (side.kind === 'set') {
			(side.negated ? negated : plain).add(side.set);
		}
	};
	for (const {from, to} of rules) {
		use(from);
		use(to);
	}

	return {plain: new Set([...plain, ...[...shared.sets.keys()].filter(name => !negated.has(name))]), negated};
}

/**
One set may change under its name, and with it the set of bound hosts, where the rules then match more packets than before,
or fewer. That is safe one after the other. More: the rules first; in between a packet finds the rule that it will find, or
none, and then it had none before either and gets the default it had. Fewer: the bound hosts first; in between a packet
finds the rule that it had, or none, and then it will find none either and gets the default it will have. A set that
grows makes a rule that names it match more, and a rule that says `not` fewer. Any other change of two sets could
show a packet a policy that nobody wrote: also one of a set that is named both ways, or of sets that hold a common member.
*/
function canChangeInPlace(previous: InstalledSets, next: PerimeterState): boolean {
	if (previous.size !== next.sets.size || [...next.sets.keys()].some(name => !previous.has(name))) {
		return false;
	}

	const changed = changedSets(previous, next.sets);
	const others = changed.filter(({name}) => name !== builtIn.bound);
	return changed.length <= 1 || (others.length === 1 && others.every(set => matchingOf(previous, next, set) !== undefined));
}

function changedSets(previous: InstalledSets, next: InstalledSets): InstalledSet[] {
	return [...next.values()].filter(set => isChanged(previous, set));
}

/** Whether the set keeps its name and changes its content. */
function isChanged(previous: InstalledSets, set: InstalledSet): boolean {
	const old = previous.get(set.name);
	return old?.generation === set.generation && !sameElements(old, set);
}

/** As `canChangeInPlace` wants it: the bound hosts last when rules come to match more, first when they come to match fewer. */
function inSafeOrder(previous: InstalledSets, next: PerimeterState): string[] {
	const changed = changedSets(previous, next.sets);
	const boundLast = changed.toSorted((a, b) => Number(a.name === builtIn.bound) - Number(b.name === builtIn.bound));
	const ordered = changed.some(set => set.name !== builtIn.bound && matchingOf(previous, next, set) === 'fewer') ? boundLast.reverse() : boundLast;
	return ordered.flatMap(set => {
		const old = previous.get(set.name);
		return old ? changeLines(old, set) : [];
	});
}

/** Whether rules match more or fewer packets when the set has changed; undefined when it may be either. */
function matchingOf(previous: InstalledSets, {uses}: PerimeterState, set: InstalledSet): 'more' | 'fewer' | undefined {
	const old = previous.get(set.name);
	const change = old ? direction(old, set) : 'both';
	const [isPlain, isNegated] = [uses.plain.has(set.name), uses.negated.has(set.name)];
	if (change === 'both' || isPlain === isNegated) {
		return undefined;
	}

	return (change === 'grows') === isPlain ? 'more' : 'fewer';
}

function sameLines(previous: PerimeterState, next: PerimeterState): boolean {
	return previous.lines === next.lines || (sameText(previous.lines[4], next.lines[4]) && sameText(previous.lines[6], next.lines[6]));
}

function sameText(previous: readonly TextLine[], next: readonly TextLine[]): boolean {
	return previous === next || (previous.length === next.length && previous.every((line, index) => line === next[index] || line.text === next[index]?.text));
}
