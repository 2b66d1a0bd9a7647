/** `secrule log`: the packets that rules with `log` decide, as they come. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {LogEntry} from '../drivers/log.ts';
import type {Lab} from '../lab.ts';
import type {Reader} from '../policy/reader.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {Command, Io} from './command.ts';

/** In the order they came; empty where they were shown as they came. */
export type SecruleLogResult = readonly LogEntry[];

/** How many packets to wait for, and how long; undefined: until the user interrupts. */
type Input = {readonly count: number; readonly seconds: number} | undefined;

const defaultSeconds = 10;
/** Seconds; a timer runs for 2³¹ − 1 ms at most. */
const longestWait = 2_147_483;

export const secruleLogCommand: Command<Input, SecruleLogResult> = {
	name: 'secrule log',
	usage: 'secrule log [--follow | N [SECONDS]]',
	summary: 'the packets that rules with log decide, as they come',
	details: [
		'A rule with log reports the packet that makes a connection; where it makes none, every packet. Each device of the path reports by itself.',
		`--follow, also without it: until Ctrl-C. N: until N packets have come, or SECONDS (default ${defaultSeconds}) have passed.`,
	].join('\n'),
	read(reader) {
		const follows = reader.optional(['--follow']) !== undefined || !reader.more(() => []);
		const input = follows ? undefined : {count: takePositive(reader, 'number of packets'), seconds: reader.more(() => []) ? takePositive(reader, 'seconds') : defaultSeconds};
		reader.finish();
		return input;
	},
	async run(lab, input, io) {
		if (!input && !io.show) {
			throw new InputError('follow', 'Nobody sees the log here before the line has ended. Say how many packets to wait for: secrule log N.', {expected: ['number of packets']});
		}

		return collect(lab, input ?? {count: Infinity, seconds: longestWait}, io);
	},
	text(entries) {
		return entries.map(entryText).join('\n');
	},
};

async function collect(lab: Lab, {count, seconds}: NonNullable<Input>, {signal, show}: Io): Promise<LogEntry[]> {
	const enough = new AbortController();
	const entries: LogEntry[] = [];
	let left = count;
	const listener = (entry: LogEntry) => {
		if (left === 0) {
			return;
		}

		if (show) {
			show(entryText(entry));
		} else {
			entries.push(entry);
		}

		left--;
		if (left === 0) {
			enough.abort();
		}
	};

	lab.on('log', listener);
	await sleep(seconds * 1000, undefined, {signal: AbortSignal.any([signal, enough.signal])}).catch(() => undefined);
	lab.off('log', listener);
	return entries;
}

/** Such as `14:02:07.113  s1  deny h11 to db log  udp 10.0.10.11:4000 > 10.0.20.20:53`. */
function entryText({time, device, rule, sentence, text, packet}: LogEntry): string {
	return [/T(.*)Z$/.exec(time)?.[1] ?? time, device, ...text === '' ? [] : [text], packet, `${rule} (${sentence})`].join('  ');
}

function takePositive(reader: Reader, what: string): number {
	const {text, column} = reader.take([what], () => []);
	const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
	if (number <= 0 || number > longestWait) {
		throw new InputError('number', `"${printable(text)}" is no ${what}. Write a number, such as 5.`, {column, expected: [what]});
	}

	return number;
}
