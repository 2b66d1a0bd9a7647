/** What a table of nftables holds, as data, and the commands that turn one content into another. */
import type {Table} from '../kernel/nftables.ts';

/** A rule of nftables with what it stands for. Chains hold theirs in this order. */
export type ContentLine = {
	readonly chain: string;
	/** Ends with `comment "LABEL"`. */
	readonly text: string;
	/** What the line is known by when it is read back; lines of one label have one sentence. */
	readonly label: string;
	/** The rule's sentence, or why the line is built in. */
	readonly sentence: string;
	/** Id of the rule whose hits it counts, in the named counter. */
	readonly rule?: number;
	readonly counter?: string;
};

export type ContentSet = {
	readonly kind: 'set' | 'map';
	/** Such as `type ipv4_addr; flags interval;`. */
	readonly type: string;
	/** Element to what it leads to, such as `goto port-1`; empty in a set. */
	readonly elements: ReadonlyMap<string, string>;
};

export type Content = {
	readonly table: Table;
	/** Chain to where it is attached, such as `type filter hook forward priority 0; policy accept;`; empty when other chains lead there. */
	readonly chains: ReadonlyMap<string, string>;
	readonly sets: ReadonlyMap<string, ContentSet>;
	/** Counters and limits that lines share, such as `counter secrule-3`, to how they are made. */
	readonly objects: ReadonlyMap<string, string>;
	readonly lines: readonly ContentLine[];
};

/** A table that is not there. */
export function noContent(table: Table): Content {
	return {table, chains: new Map(), sets: new Map(), objects: new Map(), lines: []};
}

/**
Commands for one transaction; none when the contents are equal. A chain whose lines differ is filled anew, all others are left alone,
and so are all elements that stay. What counts and limits is no part of a chain and goes on.
*/
export function contentCommands(previous: Content, next: Content): string[] {
	const place = placeOf(next);
	if (next.chains.size === 0) {
		return previous.chains.size === 0 ? [] : [`delete table ${place}`];
	}

	return [
		// What a change that was broken off has left behind goes first; a table that is not there cannot be deleted, so it is made before.
		...previous.chains.size === 0 ? [`add table ${place}`, `delete table ${place}`, `add table ${place}`] : [],
		...added(previous.objects, next.objects).map(([object, text]) => `add ${inPlace(object, place)}${text}`),
		...added(previous.chains, next.chains).map(([chain, attachment]) => `add chain ${place} ${chain}${attachment === '' ? '' : ` { ${attachment} }`}`),
		...added(previous.sets, next.sets).map(([name, {kind, type}]) => `add ${kind} ${place} ${name} { ${type} }`),
		...setCommands(previous.sets, next.sets, place),
		...lineCommands(previous, next),
		...added(next.sets, previous.sets).map(([name, {kind}]) => `delete ${kind} ${place} ${name}`),
		...added(next.chains, previous.chains).map(([chain]) => `delete chain ${place} ${chain}`),
		...added(next.objects, previous.objects).map(([object]) => `delete ${inPlace(object, place)}`),
	];
}

/** One element or rule a line, as nft takes them. */
export function contentTexts({lines, sets, ...content}: Content): string[] {
	const place = placeOf(content);
	return [
		...[...sets].flatMap(([name, {elements}]) => Array.from(elements, element => `nft add element ${place} ${name} { ${elementText(element)} }`)),
		...lines.map(({chain, text}) => `nft add rule ${place} ${chain} ${text}`),
	];
}

/** How commands name the table. */
export function placeOf({table: {family, name}}: Pick<Content, 'table'>): string {
	return `${family} ${name}`;
}

/** Entries that the second has beside those of the first. */
function added<Value>(previous: ReadonlyMap<string, unknown>, next: ReadonlyMap<string, Value>): Array<[string, Value]> {
	return [...next].filter(([key]) => !previous.has(key));
}

/** @param object its kind and its name */
function inPlace(object: string, place: string): string {
	const [kind = '', name = ''] = object.split(' ');
	return `${kind} ${place} ${name}`;
}

/** Elements go before others come: prefixes of one set may not overlap, not even for a moment, and a map leads from each key to one end. */
function setCommands(previous: Content['sets'], next: Content['sets'], place: string): string[] {
	const steps = [...next].map(([name, {elements}]) => {
		const old = previous.get(name)?.elements ?? new Map<string, string>();
		const gone = [...old].filter(([key, end]) => elements.get(key) !== end).map(([key]) => key);
		const come = [...elements].filter(([key, end]) => old.get(key) !== end).map(elementText);
		const command = (verb: string, list: readonly string[]) => list.length === 0 ? [] : [`${verb} element ${place} ${name} { ${list.join(', ')} }`];
		return {gone: command('delete', gone), come: command('add', come)};
	});
	return [...steps.flatMap(({gone}) => gone), ...steps.flatMap(({come}) => come)];
}

function elementText([key, end]: readonly [string, string]): string {
	return end === '' ? key : `${key} : ${end}`;
}

function lineCommands(previous: Content, next: Content): string[] {
	const place = placeOf(next);
	const [before, after] = [textsByChain(previous.lines), textsByChain(next.lines)];
	const changed = new Set([...before.keys(), ...after.keys()].filter(chain => before.get(chain) !== after.get(chain)));
	return [
		...[...changed].filter(chain => before.has(chain)).map(chain => `flush chain ${place} ${chain}`),
		...next.lines.filter(({chain}) => changed.has(chain)).map(({chain, text}) => `add rule ${place} ${chain} ${text}`),
	];
}

function textsByChain(lines: readonly ContentLine[]): Map<string, string> {
	const texts = new Map<string, string[]>();
	for (const {chain, text} of lines) {
		const own = texts.get(chain) ?? [];
		own.push(text);
		texts.set(chain, own);
	}

	return new Map([...texts].map(([chain, own]) => [chain, own.join('\n')]));
}
