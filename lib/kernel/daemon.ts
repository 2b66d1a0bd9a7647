/** Programs that go on by themselves: daemons that outlive this process, and services for a while. */
import {spawn} from 'node:child_process';
import {closeSync, openSync, readFileSync} from 'node:fs';
import {type Namespace, home, inside} from './namespace.ts';
import {type Output, type RunOptions, environment, failure, launch, outputOf} from './process.ts';
import {missingProgram} from './programs.ts';

export type RunningProgram = {
	readonly pid: number;
	/** As in `processStartTime`: with the pid it names the process for ever, so a journal can end it and nothing else. */
	readonly startTime: number;
	/** Resolves when the program has ended. */
	readonly exited: Promise<{readonly exitCode: number | null; readonly signal: NodeJS.Signals | null}>;
};

export type StartOptions = {
	readonly namespace?: Namespace | undefined;
	readonly env?: Readonly<Record<string, string>> | undefined;
	/** File that takes what it writes; default: that is dropped. */
	readonly log?: string | undefined;
};

/**
Starts a program in a session of its own and leaves it running: it neither keeps this program alive nor dies with it, and no
terminal's Ctrl-C or hang-up reaches it.
Equivalent to: `nsenter --net=/run/netns/NAMESPACE setsid PROGRAM ARGUMENT … &`

@throws MachineError `missing-program`
*/
export function start(argv: readonly string[], {namespace, env, log}: StartOptions = {}): RunningProgram {
	const [program = '', ...rest] = argv;
	const written = log === undefined ? 'ignore' : openSync(log, 'a', 0o600);
	const {child} = inside(namespace ?? home, () => ({child: spawn(program, rest, {stdio: ['ignore', written, written], detached: true, env: environment(env)})}));
	if (typeof written === 'number') {
		closeSync(written);
	}

	const exited = new Promise<{exitCode: number | null; signal: NodeJS.Signals | null}>(resolve => {
		child.once('exit', (exitCode, signal) => {
			resolve({exitCode, signal});
		});
	});
	// Without a listener the late "no such program" would end this process; the missing pid tells already.
	child.once('error', () => undefined);
	if (child.pid === undefined) {
		throw missingProgram(program);
	}

	child.unref();
	return {pid: child.pid, startTime: processStartTime(child.pid) ?? 0, exited};
}

export type Service = {
	/** What the program has written to standard output up to now. */
	readonly written: () => string;
	/** Resolves with what the program wrote, when it has ended. */
	readonly ended: Promise<Output>;
	/** Ends the program, by SIGTERM unless told otherwise. Twice is fine. */
	readonly stop: (signal?: NodeJS.Signals) => void;
};

/**
Starts a program for a while and waits until it writes a line that says it is ready.

@param ready matches that line
@param options.signal ends the program, ready or not
@throws MachineError `missing-program`; ProgramError when it ends, is interrupted, or `timeout` (ms, default 10,000) passes, before it is ready
*/
export async function startService(argv: readonly string[], ready: RegExp, {namespace, timeout = 10_000, signal}: Pick<RunOptions, 'namespace' | 'timeout' | 'signal'> = {}): Promise<Service> {
	let stop: Service['stop'] = () => undefined;
	let written = '';
	let timer: NodeJS.Timeout | undefined;
	let tellReady: (ready: true) => void = () => undefined;
	const readiness = new Promise<true>(resolve => {
		tellReady = resolve;
	});
	const result = launch(argv, namespace, {stdin: 'ignore', forceKillAfterDelay: 1000, ...(signal ? {cancelSignal: signal} : {})}, child => {
		stop = name => child.kill(name);
		timer = setTimeout(() => {
			stop();
		}, timeout);
		let said = false;
		child.stdout?.on('data', (chunk: Buffer) => {
			written += chunk.toString();
			if (!said && ready.test(written)) {
				said = true;
				tellReady(true);
			}
		});
	});
	const isReady = await Promise.race([readiness, result.then(() => false)]);
	clearTimeout(timer);
	if (!isReady) {
		const failed = await result;
		throw failure(argv[0] ?? '', failed, failed.isCanceled ? 'was interrupted' : 'ended before it was ready', namespace);
	}

	return {ended: result.then(outputOf), written: () => written, stop};
}

/** When a process started, in clock ticks since boot (field 22 of proc_pid_stat(5)); undefined when there is none or it is a zombie. */
export function processStartTime(pid: number): number | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
		// The second field is the program's name in parentheses and may hold anything.
		const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return state === 'Z' || state === 'X' ? undefined : Number(fields[18]);
	} catch {
		return undefined;
	}
}

/** Whether exactly that process still runs: numbers are given again, start times are not. */
export function isAlive(pid: number, startTime: number): boolean {
	return processStartTime(pid) === startTime;
}
