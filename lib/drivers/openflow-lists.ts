/** Flows for packets that match one entry of each of several lists: every combination, or conjunctions where these take fewer flows. */
import type {Family} from '../util/address.ts';

/** Four lists of fields: source, destination, source port, destination port. An empty text matches all. */
export type Lists = readonly [readonly string[], readonly string[], readonly string[], readonly string[]];

/** The lists of one family and protocol. Strands exclude each other. */
export type StrandLists = {
	readonly family: Family | undefined;
	/** Match of the protocol; empty when it does not matter. */
	readonly protocol: string;
	readonly lists: Lists;
};

/** Either whole matches, or the matches of each dimension of a conjunction. */
export type Grouped = {readonly whole: readonly string[]} | {readonly dimensions: ReadonlyArray<readonly string[]>};

/** Places of lists that become one dimension, multiplied out. */
type Group = readonly number[];

const [source, destination, sport, dport] = [0, 1, 2, 3];

/** All 15 ways to part the four lists into groups, those of few groups first. */
const partings = partingsOf([source, destination, sport, dport]).sort((a, b) => a.length - b.length);

/** A conjunction of two dimensions of one flow each, and its final flow. */
const smallestConjunction = 3;

/** @param always fields that every packet must match besides */
export function groupLists(all: readonly StrandLists[], always: string): Grouped {
	const strands = all.filter(({lists}) => lists.every(list => list.length > 0));
	const everything: Group = [source, destination, sport, dport];
	const best = size(everything, strands) <= smallestConjunction ? [everything] : fewest(strands);
	const groups = best.filter(group => restricts(group, strands));
	const [first = everything, ...others] = groups;
	// The final flow of a conjunction matches nothing else: OVS would look for no other conjunction when it does not match.
	const matches = matchesOf(first, strands, always);
	return others.length === 0 ? {whole: matches} : {dimensions: [matches, ...others.map(group => matchesOf(group, strands, ''))]};
}

/** All combinations, as whole matches. */
export function combine(strand: StrandLists, always: string): string[] {
	return matchesOf([source, destination, sport, dport], [strand], always);
}

function fewest(strands: readonly StrandLists[]): readonly Group[] {
	const costs = partings.map(groups => cost(groups.filter(group => restricts(group, strands)), strands));
	return partings[costs.indexOf(Math.min(...costs))] ?? [];
}

function cost(groups: readonly Group[], strands: readonly StrandLists[]): number {
	const flows = groups.reduce((sum, group) => sum + size(group, strands), 0);
	return groups.length < 2 ? flows : flows + 1;
}

function size(group: Group, strands: readonly StrandLists[]): number {
	return relevant(group, strands).reduce((sum, {lists}) => sum + group.reduce((product, place) => product * (lists[place]?.length ?? 0), 1), 0);
}

/** Whether some packet of the strands' families does not match the group. */
function restricts(group: Group, strands: readonly StrandLists[]): boolean {
	return strands.some(({protocol, lists}) => (group.includes(dport) && protocol !== '') || group.some(place => lists[place]?.some(field => field !== '')));
}

/** Addresses are the same for all protocols of a family. */
function relevant(group: Group, strands: readonly StrandLists[]): readonly StrandLists[] {
	return readsPorts(group) ? strands : strands.filter(({family}, index) => strands.findIndex(other => other.family === family) === index);
}

function readsPorts(group: Group): boolean {
	return group.includes(sport) || group.includes(dport);
}

function matchesOf(group: Group, strands: readonly StrandLists[], always: string): string[] {
	return relevant(group, strands).flatMap(({family, protocol, lists}) => {
		const first = readsPorts(group) && protocol !== '' ? protocol : familyMatch(family);
		return group.reduce<string[]>((matches, place) => matches.flatMap(match => (lists[place] ?? []).map(field => `${match},${field}`)), [first])
			.map(match => joinFields(`${match},${always}`));
	});
}

function familyMatch(family: Family | undefined): string {
	return family === undefined ? '' : family === 4 ? 'ip' : 'ipv6';
}

/** Each field once. */
function joinFields(match: string): string {
	return [...new Set(match.split(',').filter(Boolean))].join(',');
}

function partingsOf([first, ...rest]: readonly number[]): Group[][] {
	if (first === undefined) {
		return [[]];
	}

	return partingsOf(rest).flatMap(groups => [
		[[first], ...groups],
		...groups.map((group, index) => [[first, ...group], ...groups.toSpliced(index, 1)]),
	]);
}
