/** Renders the plan of a perimeter router as a table of nftables, and the commands that turn one rendering into the next. */
import type {Family} from '../util/address.ts';
import type {Table} from '../kernel/nftables.ts';
import type {DevicePlan} from '../policy/filter-rule.ts';
import {chains} from './chain-line.ts';
import {chainName, nftLine, setName} from './nftables-lines.ts';
import type {NftLine} from './nftables-lines.ts';
import {renderWithSets, sameLines} from './nftables-sets.ts';
import {chainLines} from './perimeter-chains.ts';
import {setsOf} from './perimeter-sets.ts';
import type {InstalledSet, InstalledSets} from './perimeter-sets.ts';

/** Everything installed on a perimeter router. */
export type NftablesState = {
	readonly sets: InstalledSets;
	/** Of both families; empty when the router has no table yet. */
	readonly lines: readonly NftLine[];
};

/** A router that forwards everything. */
export const plainTable: NftablesState = {sets: new Map(), lines: []};

export const table: Table = {family: 'inet', name: 'securenet'};
/** How commands name it. */
const place = `${table.family} ${table.name}`;
const families = [4, 6] as const;
/** nft takes comments of up to 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN). */
const commentLength = 100;

/** @param previous what is installed; sets that can be changed in place keep their names */
export function renderNftables(plan: DevicePlan, previous: NftablesState = plainTable): NftablesState {
	return renderWithSets(setsOf(plan.shared), previous, {
		render: (sets, nameOf) => ({sets, lines: families.flatMap(family => chainLines(plan, family).map(line => nftLine(line, family, nameOf)))}),
		linesOf: ({lines}) => lines,
	});
}

/** One element of a set or one rule a line, as nft takes them. */
export function nftTexts({sets, lines}: NftablesState): string[] {
	return [
		...[...sets.values()].flatMap(set => families.flatMap(family => Array.from(set.elements[family], element => `nft add element ${place} ${nameOfSet(set, family)} { ${element} }`))),
		...lines.map(({chain, text}) => `nft add rule ${place} ${chain} ${text}`),
	];
}

/** Commands from one state to the next, for one transaction; none when the states are equal. */
export function nftCommands(previous: NftablesState, next: NftablesState): string[] {
	if (next.lines.length === 0) {
		return previous.lines.length === 0 ? [] : [`delete table ${place}`];
	}

	const replaced = sameLines(previous.lines, next.lines) ? [] : lineCommands(previous.lines, next.lines);
	const [created, gone] = objectCommands(previous.lines, next.lines);
	return [
		...previous.lines.length === 0 ? tableCommands() : [],
		...created,
		...setCommands(previous.sets, next.sets),
		...replaced,
		...gone,
		...[...previous.sets.values()].filter(({name, generation}) => next.sets.get(name)?.generation !== generation).flatMap(set => families.map(family => `delete set ${place} ${nameOfSet(set, family)}`)),
	];
}

/** What a change that was broken off has left behind goes first; a table that is not there cannot be deleted, so it is made before. */
function tableCommands(): string[] {
	return [
		`add table ${place}`, `delete table ${place}`, `add table ${place}`,
		...families.map(family => `add chain ${place} ${chainName(chains.judge, family)}`),
		`add chain ${place} FORWARD { type filter hook forward priority filter; policy drop; }`,
		...families.map(family => `add rule ${place} FORWARD meta nfproto ${family === 4 ? 'ipv4' : 'ipv6'} jump ${chainName(chains.judge, family)}`),
	];
}

/** Commands that make the counters and limits that lines share, and those that delete what no line uses any more. */
function objectCommands(previous: readonly NftLine[], next: readonly NftLine[]): [created: string[], gone: string[]] {
	const [before, after] = [objectsOf(previous), objectsOf(next)];
	return [
		[...after].filter(([object]) => !before.has(object)).map(([object, text]) => `add ${object}${text}`),
		[...before.keys()].filter(object => !after.has(object)).map(object => `delete ${object}`),
	];
}

/** What is made or deleted, with what stands behind it when it is made. */
function objectsOf(lines: readonly NftLine[]): Map<string, string> {
	return new Map(lines.flatMap(({counter, limit}) => [
		[`counter ${place} ${counter}`, ''] as const,
		...limit ? [[`limit ${place} ${limit.name}`, ` { ${limit.text} ; }`] as const] : [],
	]));
}

function setCommands(previous: InstalledSets, next: InstalledSets): string[] {
	return [...next.values()].flatMap(set => {
		const same = previous.get(set.name);
		const old = same?.generation === set.generation ? same : undefined;
		return families.flatMap(family => [
			...old ? [] : [`add set ${place} ${nameOfSet(set, family)} { type ${family === 4 ? 'ipv4_addr' : 'ipv6_addr'}; flags interval; comment "${set.name.slice(0, commentLength)}"; }`],
			...elementCommands(set, old, family),
		]);
	});
}

function nameOfSet({name, generation}: InstalledSet, family: Family): string {
	return setName(name, family, generation);
}

/** Elements go before others come: prefixes of one set may not overlap, not even for a moment. */
function elementCommands(set: InstalledSet, old: InstalledSet | undefined, family: Family): string[] {
	const [before, after] = [old?.elements[family] ?? new Set<string>(), set.elements[family]];
	const command = (verb: string, elements: readonly string[]) => elements.length === 0 ? [] : [`${verb} element ${place} ${nameOfSet(set, family)} { ${elements.join(', ')} }`];
	return [
		...command('delete', [...before].filter(element => !after.has(element))),
		...command('add', [...after].filter(element => !before.has(element))),
	];
}

/** Chains that differ are filled anew: their counters are objects of the table and go on. */
function lineCommands(previous: readonly NftLine[], next: readonly NftLine[]): string[] {
	const [before, after] = [chainsOf(previous), chainsOf(next)];
	const changed = [...after].filter(([chain, lines]) => !sameLines(before.get(chain) ?? [], lines));
	const gone = [...before.keys()].filter(chain => !after.has(chain));
	return [
		...changed.map(([chain]) => `add chain ${place} ${chain}`),
		...[...changed.map(([chain]) => chain).filter(chain => before.has(chain)), ...gone].map(chain => `flush chain ${place} ${chain}`),
		...changed.flatMap(([, lines]) => lines).map(({chain, text}) => `add rule ${place} ${chain} ${text}`),
		...gone.map(chain => `delete chain ${place} ${chain}`),
	];
}

/** Lines by the names of their chains. */
function chainsOf(lines: readonly NftLine[]): Map<string, NftLine[]> {
	const chains = new Map<string, NftLine[]>();
	for (const line of lines) {
		const chain = chains.get(line.chain);
		if (chain) {
			chain.push(line);
		} else {
			chains.set(line.chain, [line]);
		}
	}

	return chains;
}
