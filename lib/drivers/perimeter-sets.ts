/** Address sets of a perimeter router as ipsets: their names, their elements, and the steps from one content to the next. */
import {hash} from 'node:crypto';
import {compareAddresses, formatPrefix} from '../util/address.ts';
import type {Family, Prefix} from '../util/address.ts';
import type {AddressSet, SharedPlan} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';

/** One set as installed: an ipset for each family, since an ipset holds one only. */
export type InstalledSet = {
	readonly name: string;
	/** Part of the ipsets' names: contents that must take effect together with a chain get new names. */
	readonly generation: number;
	readonly elements: Readonly<Record<Family, ReadonlySet<string>>>;
};

/** Sets by name. */
export type InstalledSets = ReadonlyMap<string, InstalledSet>;

/** ipset(8) holds 65,536 elements unless told otherwise; the number costs nothing until it is used. */
export const elementLimit = 1 << 20;
const families = [4, 6] as const;

/** Names of the sets that stand for no peer. */
export const builtIn = {
	bound: 'bound',
	routers: 'routers',
	/** All subnets of the lab, and those that no perimeter router borders. */
	inside: 'inside',
	open: 'open',
	domain: (id: number) => `domain:${id}`,
} as const;

/** Every set that a perimeter router needs: those that rules name, and those of the defaults. */
export function setsOf({sets, bound, routers, isolation, domains}: SharedPlan): AddressSet[] {
	return [...sets.values(), ...isolation === 'bound' ? [bound] : [], routers, ...remember(setsOfDomains, domains, () => domainSets(domains))];
}

/** The domains of a lab stay the very same when its policy changes. */
const setsOfDomains = new WeakMap<SharedPlan['domains'], readonly AddressSet[]>();

function domainSets(domains: SharedPlan['domains']): AddressSet[] {
	const join = (name: string, all: SharedPlan['domains']) => ({name, prefixes: all.flatMap(({subnets}) => subnets).sort(compareAddresses)});
	return [
		...domains.map(({id, subnets}) => ({name: builtIn.domain(id), prefixes: subnets})),
		join(builtIn.inside, domains),
		join(builtIn.open, domains.filter(({perimeter}) => !perimeter)),
	];
}

export function installedSet({name, prefixes}: AddressSet, generation: number): InstalledSet {
	return {name, generation, elements: remember(elementsByFamily, prefixes, () => ({4: familyElements(prefixes, 4), 6: familyElements(prefixes, 6)}))};
}

/** A set that a change leaves as it was has the very same prefixes. */
const elementsByFamily = new WeakMap<readonly Prefix[], InstalledSet['elements']>();

function familyElements(prefixes: readonly Prefix[], family: Family): ReadonlySet<string> {
	return new Set(prefixes.filter(prefix => prefix.family === family).flatMap(elementsOf));
}

export function sameElements(a: InstalledSet, b: InstalledSet): boolean {
	return a.elements === b.elements || families.every(family => a.elements[family].size === b.elements[family].size && isSubset(a.elements[family], b.elements[family]));
}

/** Name of the ipset that holds one family; the kernel takes 31 characters (IPSET_MAXNAMELEN). */
export function ipsetName({name, generation}: Pick<InstalledSet, 'name' | 'generation'>, family: Family): string {
	return `${stem(name)}.${generation.toString(36)}.${family}`;
}

/** Lines that make and fill the ipsets of a set. */
export function createLines(set: InstalledSet): string[] {
	return families.flatMap(family => fillLines(ipsetName(set, family), family, set.elements[family]));
}

export function destroyLines(set: InstalledSet): string[] {
	return families.map(family => `destroy ${ipsetName(set, family)}`);
}

/** Lines that change the content of a set under its name: one element is added or deleted, more are swapped in at once. */
export function changeLines(previous: InstalledSet, next: InstalledSet): string[] {
	return families.flatMap(family => {
		const name = ipsetName(next, family);
		const gone = [...previous.elements[family]].filter(element => !next.elements[family].has(element));
		const added = [...next.elements[family]].filter(element => !previous.elements[family].has(element));
		if (gone.length + added.length <= 1) {
			return [...gone.map(element => `del ${name} ${element}`), ...added.map(element => `add ${name} ${element}`)];
		}

		return swapLines(next, family);
	});
}

/** Lines that give the ipsets of a set its content, whatever is in them. */
export function resetLines(set: InstalledSet): string[] {
	return families.flatMap(family => swapLines(set, family));
}

/** Whether the set only gains elements, only loses some, or neither. */
export function direction(previous: InstalledSet, next: InstalledSet): 'grows' | 'shrinks' | 'both' {
	if (families.every(family => isSubset(previous.elements[family], next.elements[family]))) {
		return 'grows';
	}

	return families.every(family => isSubset(next.elements[family], previous.elements[family])) ? 'shrinks' : 'both';
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
	return part.size <= whole.size && [...part].every(element => whole.has(element));
}

function swapLines(set: InstalledSet, family: Family): string[] {
	// No generation has a name with an underscore.
	const temporary = `${stem(set.name)}._.${family}`;
	return [...fillLines(temporary, family, set.elements[family]), `swap ${temporary} ${ipsetName(set, family)}`, `destroy ${temporary}`];
}

/** An ipset of this name that a change could not delete is taken over. */
function fillLines(name: string, family: Family, elements: Iterable<string>): string[] {
	return [
		`create -exist ${name} hash:net family ${family === 4 ? 'inet' : 'inet6'} maxelem ${elementLimit}`,
		`flush ${name}`,
		...Array.from(elements, element => `add ${name} ${element}`),
	];
}

/** ipset refuses a prefix of length zero; its two halves say the same. */
function elementsOf(prefix: Prefix): string[] {
	if (prefix.length > 0) {
		return [formatPrefix(prefix)];
	}

	return prefix.family === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
}

/** A readable beginning, of characters that end no word of a line, and a hash that tells names apart. */
function stem(name: string): string {
	return `${name.slice(0, 13).replaceAll(/[^\w:.-]/g, '-')}.${hash('md5', name).slice(0, 6)}`;
}
