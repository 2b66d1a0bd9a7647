/** The driver for perimeter routers: chain PFW and ipsets, changed so that no packet sees a half-made policy. */
import {setTimeout as sleep} from 'node:timers/promises';
import {deleteConnections, listConnections} from '../kernel/conntrack.ts';
import {changeElements, restoreSets, saveSets} from '../kernel/ipset.ts';
import type {ElementChange} from '../kernel/ipset.ts';
import {RulesError, foreignRules, restore, save} from '../kernel/iptables.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {ProgramError} from '../kernel/process.ts';
import {parsePrefix} from '../util/address.ts';
import type {Family} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {inSlices} from '../util/slices.ts';
import {DeviceError, madeByPolicy} from './driver.ts';
import type {FirewallDriver, InstalledLine, Step} from './driver.ts';
import {diffPerimeter, isEmpty, plainRouter, renderPerimeter, restoreText, undoLines, unsupportedByPerimeter} from './iptables-render.ts';
import type {Counters, PerimeterState} from './iptables-render.ts';

const families = [4, 6] as const;
/** The kernel may let go of an ipset a little after the rule that named it is gone. */
const destroyAttempts = 5;
const destroyPause = 20;

/** @param namespaceOf the namespace of a router, by its name */
export function createPerimeterDriver({namespaceOf}: {readonly namespaceOf: (router: string) => Namespace}): FirewallDriver<PerimeterState> {
	const examined = new Set<string>();
	return {
		plain: plainRouter,
		supports: unsupportedByPerimeter,
		render: renderPerimeter,
		differs: (previous, next) => !isEmpty(diffPerimeter(previous, next)),
		async check(step) {
			const {create, replace} = diffPerimeter(step.previous, step.next);
			const namespace = namespaceOf(step.device);
			await refusing(step, async () => {
				if (!examined.has(step.device)) {
					await refuseForeignRules(namespace);
					examined.add(step.device);
				}

				await change(namespace, create);
				await Promise.all(replace.map(async family => restore(namespace, family, textFor(step, family, new Map()), {test: true})));
			}, async () => destroy(namespace, createdNames(create)));
		},
		async discard({device, previous, next}) {
			await destroy(namespaceOf(device), createdNames(diffPerimeter(previous, next).create));
		},
		apply: async step => applyStep(namespaceOf(step.device), step),
		list: async devices => new Map(await inSlices([...devices], async ([device, state]) => {
			const texts = await Promise.all(families.map(async family => save(namespaceOf(device), family)));
			return [device, families.flatMap((family, index) => listing(texts[index] ?? '', family, state))] as const;
		})),
		settle: async () => Promise.resolve(),
		async connections(devices) {
			const names = [...devices.keys()];
			const lists = await inSlices(names, async name => listConnections(namespaceOf(name), {mark: {value: madeByPolicy, mask: madeByPolicy}}));
			return new Map(names.map((name, index) => [name, lists[index] ?? []]));
		},
		cut: async (device, _state, connections) => {
			deleteConnections(namespaceOf(device), connections);
			return Promise.resolve();
		},
	};
}

/** The new ipsets were made by `check`. Each family changes in one transaction; a packet has one family. */
async function applyStep(namespace: Namespace, step: Step<PerimeterState>): Promise<void> {
	const {create, change: changes, replace, destroy: gone} = diffPerimeter(step.previous, step.next);
	const replaced = new Map<Family, Counters>();
	await refusing(step, async () => {
		await change(namespace, changes);
		const answers = await Promise.allSettled(replace.map(async family => {
			const counters = countersOf(await save(namespace, family));
			await restore(namespace, family, textFor(step, family, counters));
			replaced.set(family, counters);
		}));
		throwFirst(answers);
	}, async () => {
		for (const [family, counters] of replaced) {
			await restore(namespace, family, textFor({device: step.device, previous: step.next, next: step.previous}, family, counters));
		}

		await change(namespace, undoLines(step.previous, step.next));
		await destroy(namespace, createdNames(create));
	});
	await destroy(namespace, gone.map(line => line.slice('destroy '.length)));
}

function throwFirst(answers: ReadonlyArray<PromiseSettledResult<void>>): void {
	for (const answer of answers) {
		if (answer.status === 'rejected') {
			throw answer.reason;
		}
	}
}

/** Runs the work; when it fails undoes what was done, and names the rule behind the line that was refused. */
async function refusing({device, previous, next}: Step<PerimeterState>, work: () => Promise<void>, undo: () => Promise<void>): Promise<void> {
	try {
		await work();
	} catch (error) {
		const stuck = await undo().catch((failure: unknown) => failure);
		const refused = error instanceof RulesError ? error.refused : undefined;
		const line = families.flatMap(family => [...next.lines[family], ...previous.lines[family]]).find(({text}) => refused?.endsWith(text));
		throw new DeviceError(device, line?.sentence, error, stuck);
	}
}

function textFor({previous, next}: Step<PerimeterState>, family: Family, counters: Counters): string {
	return restoreText(previous.lines[family], next.lines[family], counters);
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

type SavedLine = {readonly text: string; readonly label: string; readonly packets: number; readonly bytes: number};

/** Rules as iptables-save prints them: `[2:168] -A PFW … --comment "secrule:3" -j DROP`. */
function savedLines(saved: string): SavedLine[] {
	return [...saved.matchAll(/^\[(\d+):(\d+)\] (-A .*)$/gm)].map(([, packets, bytes, text = '']) => {
		const [, quoted, plain] = /--comment (?:"([^"]*)"|(\S+))/.exec(text) ?? [];
		return {text, label: quoted ?? plain ?? '', packets: Number(packets), bytes: Number(bytes)};
	});
}

function countersOf(saved: string): Counters {
	const counters = new Map<string, {packets: number; bytes: number}>();
	for (const {label, packets, bytes} of savedLines(saved)) {
		const sum = counters.get(label) ?? {packets: 0, bytes: 0};
		counters.set(label, {packets: sum.packets + packets, bytes: sum.bytes + bytes});
	}

	return counters;
}

function listing(saved: string, family: Family, state: PerimeterState): InstalledLine[] {
	const known = new Map(state.lines[family].map(line => [line.label, line]));
	const program = family === 4 ? 'iptables' : 'ip6tables';
	return savedLines(saved).map(({text, label, packets}) => {
		const line = known.get(label);
		return {text: `${program} ${text}`, sentence: line?.sentence ?? attachment(text), packets, ...(line?.rule === undefined ? {} : {rule: line.rule})};
	});
}

/** The two lines of FORWARD stand there for good and carry no comment. */
function attachment(text: string): string | undefined {
	return {'-A FORWARD -j PFW': 'everything that is forwarded is judged by PFW', '-A FORWARD -j DROP': 'nothing is forwarded that PFW has not accepted'}[text];
}
