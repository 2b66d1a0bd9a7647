/** The driver for perimeter routers: chain PFW and ipsets, changed so that no packet sees a half-made policy. */
import {setTimeout as sleep} from 'node:timers/promises';
import {changeElements, restoreSets, saveSets} from '../kernel/ipset.ts';
import type {ElementChange} from '../kernel/ipset.ts';
import {RulesError, foreignRules, restore, save} from '../kernel/iptables.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {ProgramError} from '../kernel/process.ts';
import {parsePrefix} from '../util/address.ts';
import type {Family} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {inSlices} from '../util/slices.ts';
import {perimeterTexts} from './device-texts.ts';
import {DeviceError} from './driver.ts';
import type {CompleteDriver, Step} from './driver.ts';
import {EarlierCounts, listing} from './iptables-counts.ts';
import {editText} from './iptables-edit.ts';
import {HeldChanges} from './iptables-held.ts';
import {closeText, diffPerimeter, isEmpty, openText, plainRouter, renderPerimeter, restoreText, undoLines, unsupportedByPerimeter} from './iptables-render.ts';
import type {PerimeterState} from './iptables-render.ts';
import {stepsOf, textFromAny} from './iptables-unknown.ts';
import {watchKernelLog} from './kernel-log.ts';
import {cutConnections, madeConnections} from './made-connections.ts';

const families = [4, 6] as const;
/** The kernel may let go of an ipset a little after the rule that named it is gone. */
const destroyAttempts = 5;
const destroyPause = 20;

type States = Pick<Step<PerimeterState>, 'previous' | 'next' | 'perhaps'>;
/** Has iptables-restore read a text or obey it. */
type Write = (text: string) => Promise<void>;

/** @param namespaceOf the namespace of a router, by its name */
export function createPerimeterDriver({namespaceOf}: {readonly namespaceOf: (router: string) => Namespace}): CompleteDriver<PerimeterState> {
	const examined = new Set<string>();
	const earlier = new EarlierCounts();
	const held = new HeldChanges();
	return {
		plain: plainRouter,
		supports: unsupportedByPerimeter,
		render: renderPerimeter,
		texts: perimeterTexts,
		differs: (previous, next) => !isEmpty(diffPerimeter(previous, next)),
		async check(step) {
			const {device, beside} = step;
			const namespace = namespaceOf(device);
			await refusing(step, async () => {
				if (beside !== true && !examined.has(device)) {
					await refuseForeignRules(namespace);
					examined.add(device);
				}

				await checkStep(namespace, step, held);
			}, async () => discardStep(namespace, step, held));
		},
		discard: async step => discardStep(namespaceOf(step.device), step, held),
		apply: async step => {
			try {
				await applyStep(namespaceOf(step.device), step, earlier, held);
			} finally {
				await held.discard(step.device);
			}
		},
		list: async devices => new Map(await inSlices([...devices], async ([device, state]) => {
			const texts = await Promise.all(families.map(async family => save(namespaceOf(device), family)));
			return [device, families.flatMap((family, index) => listing(texts[index] ?? '', family, state, earlier.of(device, family)))] as const;
		})),
		settle: async () => Promise.resolve(),
		async connections(devices) {
			const names = [...devices.keys()];
			const lists = await inSlices(names, async name => madeConnections(namespaceOf(name)));
			return new Map(names.map((name, index) => [name, lists[index] ?? []]));
		},
		cut: async (device, _state, connections) => {
			cutConnections(namespaceOf(device), connections);
			return Promise.resolve();
		},
		watchLog: async (device, listener) => Promise.resolve(watchKernelLog(namespaceOf(device), listener)),
	};
}

/** Makes the new ipsets, and has the chains read that name them. All families have answered when it returns or throws. */
async function checkStep(namespace: Namespace, step: Step<PerimeterState>, held: HeldChanges): Promise<void> {
	const {create, replace} = stepsOf(step);
	await change(namespace, create);
	throwFirst(await Promise.allSettled(replace.map(async family => {
		const write: Write = async text => held.check({device: step.device, namespace, family}, text);
		if (!await editChains(write, family, step)) {
			const saved = step.perhaps ? await save(namespace, family) : '';
			await replaceChains(write, saved, family, step);
		}
	})));
}

async function discardStep(namespace: Namespace, step: Step<PerimeterState>, held: HeldChanges): Promise<void> {
	await held.discard(step.device);
	await destroy(namespace, createdNames(stepsOf(step).create));
}

/** The new ipsets were made by `check`. Each family changes in one transaction; a packet has one family. */
async function applyStep(namespace: Namespace, step: Step<PerimeterState>, earlier: EarlierCounts, held: HeldChanges): Promise<void> {
	const {create, change: changes, replace, destroy: gone} = stepsOf(step);
	const replaced: Family[] = [];
	const opened: Family[] = [];
	const changeChains = async (family: Family, states: States) => {
		const write: Write = async text => {
			if (states.next.lines[family].length === 0) {
				await restore(namespace, family, openText);
				opened.push(family);
			}

			await held.apply({device: step.device, namespace, family}, text);
		};

		const isEdited = await editChains(write, family, states);
		const saved = isEdited ? '' : await save(namespace, family);
		if (!isEdited) {
			await replaceChains(write, saved, family, states);
		}

		earlier.add(step.device, family, saved, states.next.lines[family]);
	};

	await refusing(step, async () => {
		await change(namespace, changes);
		const answers = await Promise.allSettled(replace.map(async family => {
			await changeChains(family, step);
			replaced.push(family);
		}));
		throwFirst(answers);
	}, async () => {
		if (step.perhaps) {
			throw new SecureNetError('unknown-state', 'nobody knows what it had.');
		}

		for (const family of opened.filter(each => !replaced.includes(each) && step.previous.lines[each].length > 0)) {
			await restore(namespace, family, closeText);
		}

		for (const family of replaced) {
			await changeChains(family, {previous: step.next, next: step.previous});
		}

		await change(namespace, undoLines(step.previous, step.next));
		await destroy(namespace, createdNames(create));
	}, true);
	await destroy(namespace, gone.map(line => line.slice('destroy '.length)));
}

function throwFirst(answers: ReadonlyArray<PromiseSettledResult<void>>): void {
	for (const answer of answers) {
		if (answer.status === 'rejected') {
			throw answer.reason;
		}
	}
}

/** Runs the work; when it fails undoes what was done, and names the rule behind the line that was refused. @param changes whether the work changes chains: of a program that was broken off nobody knows what it has done */
async function refusing({device, previous, next}: Step<PerimeterState>, work: () => Promise<void>, undo: () => Promise<void>, changes = false): Promise<void> {
	try {
		await work();
	} catch (error) {
		const stuck = await undo().catch((failure: unknown) => failure);
		const refused = error instanceof RulesError ? error.refused : undefined;
		const line = families.flatMap(family => [...next.lines[family], ...previous.lines[family]]).find(({text}) => refused?.endsWith(text));
		throw new DeviceError(device, line?.sentence, error, {stuck, unanswered: changes && stuck === undefined && error instanceof ProgramError});
	}
}

/**
Changes only the lines that differ. What is refused is tried again with all lines: somebody else may have changed the chains, and the refusal of a whole line names its rule.

@returns whether it has; where not, nothing has changed
*/
async function editChains(write: Write, family: Family, {previous, next, perhaps = []}: States): Promise<boolean> {
	const text = perhaps.length > 0 ? undefined : editText(previous.lines[family], next.lines[family]);
	try {
		if (text !== undefined) {
			await write(text);
		}

		return text !== undefined;
	} catch (error) {
		if (error instanceof RulesError) {
			return false;
		}

		throw error;
	}
}

/** Writes the chains of a family anew. @param saved what iptables-save prints; needed where nobody knows what is there */
async function replaceChains(write: Write, saved: string, family: Family, {previous, next, perhaps = []}: States): Promise<void> {
	const text = perhaps.length === 0 ? restoreText(previous.lines[family], next.lines[family]) : textFromAny(saved, [previous, ...perhaps], next, family);
	if (text !== undefined) {
		await write(text);
	}
}

/** Single elements change without a program. They do so one by one, so that what comes after a refused one does not change. */
async function change(namespace: Namespace, lines: readonly string[]): Promise<void> {
	const changes = lines.flatMap(line => elementChange(line) ?? []);
	if (changes.length < lines.length) {
		await restoreSets(namespace, lines);
		return;
	}

	for (const single of changes) {
		changeElements(namespace, [single]);
	}
}

/** Reads `add SET PREFIX` and `del SET PREFIX`. */
function elementChange(line: string): ElementChange | undefined {
	const [, command, set = '', element = ''] = /^(add|del) (\S+) (\S+)$/.exec(line) ?? [];
	return command === 'add' || command === 'del' ? {command, set, prefix: parsePrefix(element)} : undefined;
}

/**
Deletes the ipsets of these names that exist. One that stays after all attempts is no reason to fail: nothing uses it, and
whoever makes an ipset of its name takes it over.
*/
async function destroy(namespace: Namespace, names: readonly string[]): Promise<void> {
	let left = names;
	for (let attempt = 1; left.length > 0 && attempt <= destroyAttempts; attempt++) {
		try {
			await restoreSets(namespace, left.map(name => `destroy ${name}`));
			return;
		} catch {
			await sleep(attempt === 1 ? 0 : destroyPause);
			left = await existing(namespace, names);
		}
	}
}

/** None when they cannot be read. */
async function existing(namespace: Namespace, names: readonly string[]): Promise<string[]> {
	const lines = await saveSets(namespace).catch(() => []);
	const known = new Set(lines.map(line => line.split(' ')[1]));
	return names.filter(name => known.has(name));
}

/** The kernel runs the rules of both back ends of iptables and lets pass what both allow: with such rules no policy would hold as it is told. */
async function refuseForeignRules(namespace: Namespace): Promise<void> {
	const rules = (await Promise.all(families.map(async family => foreignRules(namespace, family).catch(noBackEnd)))).flat();
	if (rules.length > 0) {
		throw new SecureNetError('foreign-rules', `The other back end of iptables holds rules there that packets obey as well: ${rules.slice(0, 5).join(', ')}. Delete them with iptables-legacy or iptables-nft, whichever lists them.`);
	}
}

/** A kernel that lacks the other back end fails its program, and runs no rules of it. */
function noBackEnd(error: unknown): string[] {
	if (error instanceof ProgramError) {
		return [];
	}

	throw error;
}

function createdNames(lines: readonly string[]): string[] {
	return lines.flatMap(line => /^create -exist (\S+)/.exec(line)?.[1] ?? []);
}
