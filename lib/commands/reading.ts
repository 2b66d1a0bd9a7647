/** Words that several commands read: nodes, groups, address sets, rule numbers. Each mistake carries its column. */
import type {Reader} from '../policy/reader.ts';
import type {NodeKind} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, printable, sortNames, unknownName} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {Scene} from './command.ts';

/** The name of a node, of one of the kinds when they are given. @throws InputError `unknown-node`, `wrong-kind` */
export function takeNode(reader: Reader, scene: Scene, ...kinds: readonly NodeKind[]): string {
	const known = nodeNames(scene, ...kinds);
	const kind = kinds.length > 0 ? kinds.join(' or ') : 'node';
	const {text, column} = reader.take([kind], () => known);
	if (known.includes(text)) {
		return text;
	}

	const node = scene.network.nodes.get(text);
	if (node) {
		throw new InputError('wrong-kind', `${text} is a ${node.kind}; a ${kind} belongs here: ${known.join(', ') || 'this lab has none'}.`, {column, expected: [kind], nearest: nearestTo(text, known).nearest});
	}

	throw unknownName(kinds.length === 1 ? kind : 'node', text, known, column);
}

/** The names of a lab's nodes, of one of the kinds when they are given, in natural order. */
export function nodeNames({network}: Scene, ...kinds: readonly NodeKind[]): string[] {
	return sortNames([...network.nodes].filter(([, {kind}]) => kinds.length === 0 || kinds.includes(kind)).map(([name]) => name));
}

/** The name of a group that exists. @throws InputError `unknown-group` */
export function takeGroup(reader: Reader, {policy}: Scene): string {
	return takeKnown(reader, 'group', policy.groups);
}

/** The name of an address set that exists. @throws InputError `unknown-ipg` */
export function takeIpg(reader: Reader, {policy}: Scene): string {
	return takeKnown(reader, 'ipg', policy.ipgs);
}

function takeKnown(reader: Reader, kind: string, known: ReadonlyMap<string, unknown>): string {
	const {text, column} = reader.take([kind], () => sortNames(known.keys()));
	if (!known.has(text)) {
		throw unknownName(kind, text, known.keys(), column);
	}

	return text;
}

/** The number of a rule that exists. @throws InputError `unknown-rule` */
export function takeRule(reader: Reader, {policy}: Scene): number {
	const known = policy.rules.map(({id}) => String(id));
	const {text, column} = reader.take(['rule id'], () => known);
	if (!known.includes(text)) {
		const hint = known.length > 0 ? '"secrule list" shows their ids' : 'There are no rules yet';
		throw new InputError('unknown-rule', `There is no rule "${printable(text)}". ${hint}.`, {column, expected: ['rule id'], nearest: nearestTo(text, known).nearest});
	}

	return Number(text);
}

/** One word or more, each read by `take`, to the end of the line. */
export function takeAll<Item>(reader: Reader, offers: () => readonly string[], take: () => Item): Item[] {
	const items = [take()];
	while (reader.more(offers)) {
		items.push(take());
	}

	return items;
}

/** For work that finds fault with one word: the mistake gets that word's column. */
export function at<Result>({column}: Pick<Word, 'column'>, work: () => Result): Result {
	try {
		return work();
	} catch (error) {
		throw error instanceof InputError ? error.locate({column}) : error;
	}
}
