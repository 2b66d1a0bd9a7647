/** Which of the lines on a device a listing shows, how often each meets packets, and how they are laid out. */
import type {InstalledLine} from '../drivers/driver.ts';
import {stageNamed} from '../drivers/pipeline.ts';
import {columns} from '../util/columns.ts';

/** A line, and where it was looked at twice, how many packets a second it met in between. */
export type ListedLine = InstalledLine & {readonly rate?: number};

export type DeviceLines = {readonly device: string; readonly lines: readonly ListedLine[]};

/** The lines that are shown, and how many are left out because they have met no packet. */
export type DeviceListing = DeviceLines & {readonly silent: number};

type Lines = ReadonlyMap<string, readonly InstalledLine[]>;

/** What devices had at a moment. */
export type Snapshot = {readonly lines: Lines; /** Milliseconds. */ readonly at: number};

/**
Every line with its rate. One that was not there before has none: it may have come with the count of another one, in whose place it stands.

@param last the one before; undefined: there is no rate yet
*/
export function rated({lines, at}: Snapshot, last: Snapshot | undefined): DeviceLines[] {
	return [...lines].map(([device, own]) => {
		const before = new Map(numbered(last?.lines.get(device) ?? []).map(([key, {packets}]) => [key, packets]));
		return {device, lines: numbered(own).map(([key, line]) => {
			const known = before.get(key);
			return last === undefined || known === undefined ? line : {...line, rate: Math.max(0, line.packets - known) / (at - last.at) * 1000};
		})};
	});
}

/** Looks at devices each time it is called, and tells how often lines have met packets since the last time. */
export function ratesOf(look: () => Promise<Lines>): () => Promise<DeviceLines[]> {
	let last: Snapshot | undefined;
	return async () => {
		const now = {lines: await look(), at: performance.now()};
		const lines = rated(now, last);
		last = now;
		return lines;
	};
}

/** A stranger may have put the very same line on a device twice. */
function numbered(lines: readonly InstalledLine[]): Array<[key: string, line: InstalledLine]> {
	const seen = new Map<string, number>();
	return lines.map(line => {
		const count = (seen.get(line.text) ?? 0) + 1;
		seen.set(line.text, count);
		return [`${count} ${line.text}`, line];
	});
}

/**
Leaves out what is built in and has met no packet. A rule without hits is what one looks for when nothing passes, and so is a line that is nobody's.

@param sentences of the rules
*/
export function withoutSilent({device, lines}: DeviceLines, sentences: ReadonlySet<string>): DeviceListing {
	const shown = lines.filter(({packets, sentence, rule}) => packets > 0 || rule !== undefined || sentence === undefined || sentences.has(sentence));
	return {device, lines: shown, silent: lines.length - shown.length};
}

export function deviceLinesText({device, lines}: DeviceLines): string {
	return [`${device}:`, columns(lines.map(({text, sentence, packets}) => [`  ${packets}`, sentence === undefined ? stageNamed(text) : `${stageNamed(text)}  # ${sentence}`]))].filter(Boolean).join('\n');
}

/** @param command the name of the one that lists */
export function listingText(listing: DeviceListing, command: string): string {
	const {device, silent} = listing;
	return [deviceLinesText(listing), ...silent === 0 ? [] : [`  ${silent} more without hits: ${command} ${device} --all`]].join('\n');
}

/** The sentence stands before the line: lines are wider than most screens. */
export function ratesText(devices: readonly DeviceLines[]): string {
	const rows = devices.flatMap(({device, lines}) => lines.map(({text, sentence = '', packets, rate}) => [device, String(packets), rate?.toFixed(1) ?? '-', sentence, stageNamed(text)]));
	return columns([['device', 'hits', '/s', 'sentence', 'line'], ...rows]);
}
