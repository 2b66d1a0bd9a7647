/** Words that several commands read: nodes, groups, address sets, services, rules. Each mistake carries its column. */
import {portNamesOf} from '../kernel/port-names.ts';
import {type Names, namesOf} from '../policy/names.ts';
import type {Reader} from '../policy/reader.ts';
import {readRuleReference} from '../policy/rule-reference.ts';
import type {NodeKind} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, sortNames, unknownName} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {Scene} from './command.ts';

const ports = portNamesOf();

/** Every name that a sentence may use here. */
export function namesIn({policy, network}: Scene): Names {
	return {...namesOf(policy, network.nodes), ports};
}

/** The name of a node, of one of the kinds when they are given. @throws InputError `unknown-node`, `wrong-kind` */
export function takeNode(reader: Reader, scene: Scene, ...kinds: readonly NodeKind[]): string {
	return takeNodeAmong(reader, scene, () => nodeNames(scene, ...kinds), ...kinds);
}

/** The other end of what begins at a node. @throws as takeNode */
export function takeOtherNode(reader: Reader, scene: Scene, first: string, ...kinds: readonly NodeKind[]): string {
	return takeNodeAmong(reader, scene, () => nodeNames(scene, ...kinds).filter(name => name !== first), ...kinds);
}

/** As takeNode; Tab offers only some. */
export function takeNodeAmong(reader: Reader, scene: Scene, offers: () => readonly string[], ...kinds: readonly NodeKind[]): string {
	return nodeNamed(reader.take([kinds.length > 0 ? kinds.join(' or ') : 'node'], offers), scene, ...kinds);
}

/** As takeNode, where another word may stand by mistake: that one is told what it should have been. @param hints by such words @param first a node that Tab does not offer again */
export function takeNodeUnless(hints: Readonly<Record<string, string>>, reader: Reader, scene: Scene, first: string | undefined, ...kinds: readonly NodeKind[]): string {
	const word = reader.take([kinds.join(' or ')], () => nodeNames(scene, ...kinds).filter(name => name !== first));
	const hint = scene.network.nodes.has(word.text) ? undefined : new Map(Object.entries(hints)).get(word.text);
	if (hint !== undefined) {
		throw new InputError('syntax', hint, {column: word.column, expected: [kinds.join(' or ')], nearest: []});
	}

	return nodeNamed(word, scene, ...kinds);
}

/** A word that must name a node, of one of the kinds when they are given. @throws as takeNode */
export function nodeNamed({text, column}: Word, scene: Scene, ...kinds: readonly NodeKind[]): string {
	const node = scene.network.nodes.get(text);
	if (node && (kinds.length === 0 || kinds.includes(node.kind))) {
		return text;
	}

	const known = nodeNames(scene, ...kinds);
	const kind = kinds.length > 0 ? kinds.join(' or ') : 'node';
	if (node) {
		throw new InputError('wrong-kind', `${text} is a ${node.kind}; a ${kind} belongs here: ${known.join(', ') || 'this lab has none'}.`, {column, expected: [kind], nearest: nearestTo(text, known).nearest});
	}

	throw unknownName(kinds.length === 1 ? kind : 'node', text, known, column);
}

/** The names of a lab's nodes, of one of the kinds when they are given, in natural order. */
export function nodeNames({network}: Scene, ...kinds: readonly NodeKind[]): string[] {
	return sortNames([...network.nodes].filter(([, {kind}]) => kinds.length === 0 || kinds.includes(kind)).map(([name]) => name));
}

/** The names of the nodes that enforce rules, of these kinds; where that is not known, of all of them. */
export function deviceNames(scene: Scene, ...kinds: readonly NodeKind[]): string[] {
	return nodeNames(scene, ...kinds).filter(name => scene.inventory?.devices.has(name) ?? true);
}

/** The names of the routers that hosts can join; where that is not known, of all routers. */
export function edgeNames(scene: Scene): string[] {
	return nodeNames(scene, 'router').filter(name => {
		const plan = scene.network.nodes.get(name)?.plan;
		return plan === undefined || (plan.kind === 'router' && plan.options.bgp !== undefined);
	});
}

/** The name of a group that exists. @throws InputError `unknown-group` */
export function takeGroup(reader: Reader, {policy}: Scene): string {
	return takeKnown(reader, 'group', policy.groups);
}

/** The name of an address set that exists. @throws InputError `unknown-ipg` */
export function takeIpg(reader: Reader, {policy}: Scene): string {
	return takeKnown(reader, 'IPG', policy.ipgs);
}

function takeKnown(reader: Reader, kind: string, known: ReadonlyMap<string, unknown>): string {
	const {text, column} = reader.take([kind], () => sortNames(known.keys()));
	if (!known.has(text)) {
		throw unknownName(kind, text, known.keys(), column);
	}

	return text;
}

/** The name of a service that exists. @throws InputError `unknown-service` */
export function takeService(reader: Reader, {policy}: Scene): string {
	return takeKnown(reader, 'service', policy.services);
}

/** The id of a rule that exists, which may be given by name. @throws InputError `unknown-rule` */
export function takeRule(reader: Reader, {policy}: Scene): number {
	return readRuleReference(reader, policy.rules);
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
