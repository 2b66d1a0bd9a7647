/** Names of address sets in tables of nftables: which sets change under the names they have, and which get new ones that new rules name. */
import type {AddressSet} from '../policy/filter-rule.ts';
import {setName} from './nftables-lines.ts';
import type {NameOf} from './nftables-lines.ts';
import {direction, installedSet, sameElements} from './perimeter-sets.ts';
import type {InstalledSet, InstalledSets} from './perimeter-sets.ts';

/** As much of a rule as tells whether it is another one. */
type Line = {readonly chain: string; readonly text: string};

type Rendering<State> = {
	/** What is on the device when its sets have these names. */
	readonly render: (sets: InstalledSets, nameOf: NameOf) => State;
	/** Those of the rules and defaults: while they stay, a set may change under its name. */
	readonly linesOf: (state: State) => readonly Line[];
};

/** A state whose sets keep the names of what is installed where they may, and get those of the next generation where not. */
export function renderWithSets<State extends {readonly sets: InstalledSets}>(wanted: readonly AddressSet[], previous: State, {render, linesOf}: Rendering<State>): State {
	const named = (sets: readonly InstalledSet[]) => {
		const byName = new Map(sets.map(set => [set.name, set]));
		return render(byName, (name, family) => setName(name, family, byName.get(name)?.generation));
	};

	const sets = wanted.map(set => installedSet(set, previous.sets.get(set.name)?.generation ?? 1));
	const inPlace = named(sets);
	const changed = changedSets(previous.sets, sets);
	return changed.length === 0 || (sameLines(linesOf(previous), linesOf(inPlace)) && canKeepNames(previous.sets, changed))
		? inPlace
		: named(sets.map(set => changed.includes(set) ? {...set, generation: set.generation + 1} : set));
}

export function sameLines(previous: readonly Line[], next: readonly Line[]): boolean {
	return previous.length === next.length && previous.every(({chain, text}, index) => chain === next[index]?.chain && text === next[index].text);
}

/** Those whose content is another than it was. A set that is new here is none of them. */
function changedSets(previous: InstalledSets, sets: readonly InstalledSet[]): InstalledSet[] {
	return sets.filter(set => {
		const old = previous.get(set.name);
		return old !== undefined && !sameElements(old, set);
	});
}

/**
A transaction of nftables changes rules as one for a packet that is under way, but not sets: each look at one sees it as it is at that moment. So only
a single set that grows or shrinks, while rules stay as they are, keeps its name; all else gets new ones, which new rules name.

@param changed as `changedSets` tells them
*/
function canKeepNames(previous: InstalledSets, changed: readonly InstalledSet[]): boolean {
	return changed.length <= 1 && changed.every(set => {
		const old = previous.get(set.name);
		return old !== undefined && direction(old, set) !== 'both';
	});
}
