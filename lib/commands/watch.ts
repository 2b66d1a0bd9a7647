/** Looks again and again at what devices have, such as what they have counted: what has met packets, and how often. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {InstalledLine} from '../drivers/driver.ts';
import {stageOf} from '../drivers/pipeline.ts';
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import type {Io} from './command.ts';

type Lines = ReadonlyMap<string, readonly InstalledLine[]>;
type Look = {readonly lines: Lines; /** Milliseconds. */ readonly at: number};

/** Milliseconds between two looks. */
const pause = 1000;

/** Shows a text, and every second what it is then, until the user interrupts. @throws InputError `watch` where nobody would see it */
export async function watch(text: () => Promise<string>, {signal, show}: Pick<Io, 'signal' | 'show'>): Promise<void> {
	if (!show) {
		throw new InputError('watch', 'Nobody sees anything here before the line has ended. Leave --watch out.');
	}

	while (!signal.aborted) {
		show(await text(), true);
		await sleep(pause, undefined, {signal}).catch(() => undefined);
	}
}

/** @throws as watch */
export async function watchInstalled(look: () => Promise<Lines>, {all}: {readonly all: boolean}, io: Pick<Io, 'signal' | 'show'>): Promise<void> {
	let last: Look | undefined;
	await watch(async () => {
		const now = {lines: await look(), at: performance.now()};
		const text = watchText(now, last, all);
		last = now;
		return text;
	}, io);
}

/** @param last the look before; undefined: there is no rate yet */
export function watchText(now: Look, last: Look | undefined, all: boolean): string {
	const rows = [...now.lines].flatMap(([device, lines]) => {
		const before = sumsOf(last?.lines.get(device) ?? []);
		const sums = [...sumsOf(lines)].filter(([, {packets}]) => all || packets > 0);
		return sums.map(([key, {packets, place, sentence}]) => {
			const rate = last ? Math.max(0, packets - (before.get(key)?.packets ?? 0)) / (now.at - last.at) * 1000 : 0;
			return [device, place, String(packets), rate.toFixed(1), sentence];
		});
	});
	return columns([['device', 'where', 'hits', '/s', 'sentence'], ...rows]);
}

type Sum = {readonly place: string; readonly sentence: string; readonly packets: number};

/** Lines of one sentence at one place count together. */
function sumsOf(lines: readonly InstalledLine[]): Map<string, Sum> {
	const sums = new Map<string, Sum>();
	for (const {text, sentence = text, packets} of lines) {
		const place = placeOf(text);
		const key = `${place} ${sentence}`;
		sums.set(key, {place, sentence, packets: packets + (sums.get(key)?.packets ?? 0)});
	}

	return sums;
}

/** A switch's stage, or a router's chain. */
function placeOf(text: string): string {
	return stageOf(text) ?? / -A (\S+)/.exec(text)?.[1] ?? /^nft add rule \S+ \S+ (\S+)/.exec(text)?.[1] ?? '';
}
