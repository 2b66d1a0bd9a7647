/** The life of a lab from the command line: up, then the prompt or the given lines, then down, whatever happens between. */
import type {Lab} from '../lab.ts';
import {check} from '../topology/check.ts';
import {type FirewallName, refuseUnfitFirewalls} from '../topology/firewalls.ts';
import type {Topology} from '../topology/topology.ts';
import {SecureNetError} from '../util/errors.ts';
import {prompt} from './printer.ts';
import {ProgressLine} from './progress.ts';
import {Signals} from './signals.ts';

export type SessionOptions = {
	/** Name of the lab; default: the topology's. */
	readonly name?: string | undefined;
	/** Permanent neighbour entries. */
	readonly arp: boolean;
	/** Firewall drivers for all nodes that they fit. */
	readonly firewalls: readonly FirewallName[];
	/** Print how long up and down took. */
	readonly time: boolean;
	readonly json: boolean;
	readonly transcript: boolean;
	/** Lines to run; undefined: those of standard input, or the prompt when that is a terminal. */
	readonly lines?: readonly string[] | undefined;
	/** The file that has these lines: failures then name the number of theirs. */
	readonly script?: string | undefined;
};

/** Returns the exit status; a signal that ended the session decides it. @throws as Lab.up */
export async function runSession(topology: Topology, options: SessionOptions): Promise<number> {
	using signals = new Signals();
	try {
		const status = await live(topology, options, signals);
		return signals.exitStatus ?? status;
	} catch (error) {
		if (error instanceof SecureNetError && error.code === 'interrupted' && signals.exitStatus !== undefined) {
			return signals.exitStatus;
		}

		throw error;
	}
}

async function live(topology: Topology, options: SessionOptions, signals: Signals): Promise<number> {
	const lab = await timed('up', options, async () => up(topology, options, signals));
	try {
		const status = options.lines === undefined ? await takeSteps(lab, topology.steps, options, signals) : 0;
		return status === 0 || hasPrompt(options) ? await runLines(lab, options, signals) : status;
	} finally {
		await timed('down', options, async () => lab.down());
	}
}

async function up(topology: Topology, {name, arp, firewalls}: SessionOptions, signals: Signals): Promise<Lab> {
	if (firewalls.length > 0) {
		refuseUnfitFirewalls(check(topology), firewalls);
	}

	const {Lab} = await import('../lab.ts');
	const line = new ProgressLine();
	try {
		return await signals.interruptible(async signal => Lab.up(topology, {
			name,
			arp,
			firewalls,
			signal,
			progress(progress) {
				line.show(progress);
			},
		}));
	} finally {
		line.clear();
	}
}

/** The topology's own lines come first, unless others were given. Returns the exit status. */
async function takeSteps(lab: Lab, steps: readonly string[], options: SessionOptions, signals: Signals): Promise<number> {
	if (steps.length === 0) {
		return 0;
	}

	const {runScript} = await import('./script.ts');
	if (options.json) {
		return runScript(lab, steps, signals, {style: 'json', terminal: false, numbered: false});
	}

	// Where the prompt comes next, Ctrl-C ends a step and no more.
	signals.keysLeave = !hasPrompt(options);
	for (const line of steps) {
		process.stdout.write(`${prompt}${line}\n`);
		const status = await runScript(lab, [line], signals, {style: 'text', terminal: false, numbered: false});
		if (status !== 0) {
			return status;
		}
	}

	return 0;
}

/** Whether somebody is there to type lines. */
function hasPrompt({lines, json, transcript}: SessionOptions): boolean {
	return lines === undefined && process.stdin.isTTY && process.stdout.isTTY && !json && !transcript;
}

async function runLines(lab: Lab, options: SessionOptions, signals: Signals): Promise<number> {
	const {lines, script, json, transcript} = options;
	const atTerminal = process.stdin.isTTY && process.stdout.isTTY;
	const style = json ? 'json' : transcript ? 'transcript' : 'text';
	if (hasPrompt(options)) {
		const {runLoop} = await import('./loop.ts');
		await runLoop(lab, signals);
		return 0;
	}

	const {runScript, standardInput} = await import('./script.ts');
	return runScript(lab, lines ?? standardInput(signals.leaving), signals, {
		style,
		terminal: lines !== undefined && atTerminal && style === 'text',
		// A transcript shows what a terminal would, where lines have no numbers.
		numbered: script !== undefined && style !== 'transcript',
	});
}

async function timed<Result>(what: string, {time}: SessionOptions, work: () => Promise<Result>): Promise<Result> {
	const started = performance.now();
	const result = await work();
	if (time) {
		process.stderr.write(`${what} ${((performance.now() - started) / 1000).toFixed(3)} s\n`);
	}

	return result;
}
