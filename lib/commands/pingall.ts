/** `pingall [SECONDS]` and `pingpair`: which hosts reach which. */
import type {Lab} from '../lab.ts';
import type {PingOptions} from '../network/reachability.ts';
import type {Reader} from '../policy/reader.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {Command, Io} from './command.ts';

export type PingallResult = {
	readonly sent: number;
	readonly received: number;
	/** Source and destination of every pair without an answer. */
	readonly lost: ReadonlyArray<readonly [string, string]>;
};

export const pingallCommand: Command<number | undefined, PingallResult> = {
	name: 'pingall',
	usage: 'pingall [SECONDS]',
	summary: 'ping from every host to every other, all at once',
	details: 'A pair is lost when two requests go unanswered, each for SECONDS (default 1). The line fails when a pair is lost.',
	read(reader) {
		const seconds = reader.more(() => []) ? takeSeconds(reader) : undefined;
		reader.finish();
		return seconds;
	},
	async run(lab, seconds, io) {
		return ping(lab, io, seconds === undefined ? {} : {timeout: seconds * 1000});
	},
	text: pingText,
	ok: nothingLost,
};

export const pingpairCommand: Command<undefined, PingallResult> = {
	name: 'pingpair',
	usage: 'pingpair',
	summary: 'ping between the first two hosts, both ways',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run(lab, _input, io) {
		const [a, b] = hostNames(lab);
		if (a === undefined || b === undefined) {
			throw new InputError('no-pair', 'pingpair needs two hosts; this lab has fewer.');
		}

		return ping(lab, io, {pairs: [[a, b], [b, a]]});
	},
	text: pingText,
	ok: nothingLost,
};

/** The names of a lab's hosts, in the order of the topology. */
export function hostNames({network}: Lab): string[] {
	return [...network.nodes.values()].filter(({kind}) => kind === 'host').map(({name}) => name);
}

async function ping({network}: Lab, {signal}: Io, options: PingOptions): Promise<PingallResult> {
	const {pingAll} = await import('../network/reachability.ts');
	const {sent, received, lost} = await pingAll(network, {...options, signal});
	return {sent, received, lost};
}

/** More than a day is a slip of the finger. */
const longest = 86_400;

function takeSeconds(reader: Reader): number {
	const {text, column} = reader.take(['seconds'], () => []);
	const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
	if (seconds <= 0 || seconds > longest) {
		throw new InputError('number', `"${printable(text)}" is not a time-out. Write seconds, such as 1 or 0.5.`, {column, expected: ['seconds']});
	}

	return seconds;
}

/** Losses by source, so that a host cut off from everything is one line. */
function pingText({sent, received, lost}: PingallResult): string {
	const bySource = new Map<string, string[]>();
	for (const [from, to] of lost) {
		bySource.set(from, [...bySource.get(from) ?? [], to]);
	}

	const lines = [...bySource].map(([from, to]) => `${from} -> ${to.join(' ')}: no answer`);
	return [...lines, `${received} of ${sent} received, ${lost.length} lost`].join('\n');
}

function nothingLost({lost}: PingallResult): boolean {
	return lost.length === 0;
}
