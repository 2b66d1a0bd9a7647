/** The only place that starts programs: argument lists, never command lines; each in the namespace it belongs to. */
import {type SpawnOptions, spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {constants} from 'node:os';
import type {Options, ResultPromise} from 'execa';
import {SecureNetError} from '../util/errors.ts';
import {endWhenAborted} from './interrupt.ts';
import {type Namespace, home, inside} from './namespace.ts';
import {missingProgram, searchPath} from './programs.ts';

export type Output = {
	/** 128 + the signal's number when a signal ended the program. */
	readonly exitCode: number;
	readonly stdout: string;
	readonly stderr: string;
};

export type RunOptions = {
	readonly namespace?: Namespace | undefined;
	/** What the program reads from its standard input; default: nothing. */
	readonly input?: string | undefined;
	/** Added to this program's own environment. */
	readonly env?: Readonly<Record<string, string>> | undefined;
	/** Milliseconds; default 10,000. */
	readonly timeout?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

const defaultTimeout = 10_000;
/** Bytes of output that are kept: a dump of some 500,000 flows. */
const outputLimit = 100 << 20;

/** A program ran and failed, was ended, or took too long. */
export class ProgramError extends SecureNetError {
	override name = 'ProgramError';
	readonly program: string;
	readonly exitCode: number;
	/** The program's own words. */
	readonly stderr: string;
	readonly stdout: string;

	constructor(program: string, {exitCode, stdout, stderr, how, place}: Output & {how: string; place: string | undefined}, options?: ErrorOptions) {
		const words = stderr.trim();
		super('program', `${program}${place === undefined ? '' : ` in ${place}`} ${how}${words === '' ? '.' : `: ${words}`}`, {}, options);
		this.program = program;
		this.exitCode = exitCode;
		this.stderr = stderr;
		this.stdout = stdout;
	}
}

/**
Runs a program to its end.
Equivalent to: `ip netns exec NAMESPACE PROGRAM ARGUMENT …`

@throws ProgramError when its exit status is not 0, a signal ended it, or `timeout` passed
@throws MachineError `missing-program`, naming the Debian package that has it
*/
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
	const {namespace, input = '', env, timeout = defaultTimeout, signal} = options;
	const [program] = argv;
	const result = await launch(argv, namespace, {
		input,
		// Messages are searched for line numbers and names, so they must not be translated.
		env: {...env, LC_ALL: 'C'},
		timeout,
		forceKillAfterDelay: 1000,
		...(signal ? {cancelSignal: signal} : {}),
	});
	const output = {exitCode: exitCodeOf(result), stdout: text(result.stdout), stderr: text(result.stderr)};
	if (result.failed) {
		throw isMissing(result) ? missingProgram(program ?? '') : new ProgramError(program ?? '', {...output, how: howItFailed(result, timeout), place: namespace?.name}, {cause: result.cause});
	}

	return output;
}

export type ExecuteOptions = {
	readonly namespace?: Namespace | undefined;
	/** Default `ignore`: a command never eats what was meant for the prompt. */
	readonly stdin?: 'ignore' | 'inherit' | undefined;
	/** `inherit` hands the terminal over, for programs that are used interactively or printed as they run; default `capture`. */
	readonly stdout?: 'capture' | 'inherit' | undefined;
	readonly env?: Readonly<Record<string, string>> | undefined;
	/** Milliseconds; default: no limit. */
	readonly timeout?: number | undefined;
	/** Ends the command: SIGINT first, as Ctrl-C would, then SIGTERM and SIGKILL a second apart. */
	readonly signal?: AbortSignal | undefined;
};

/**
Runs a user's command. Its failure is a result, not an error: 127 when there is no such program, 126 when it cannot be
started, 124 when `timeout` passed, 128 + number when a signal ended it. Output is kept byte for byte as UTF-8 text.
Equivalent to: `ip netns exec NAMESPACE COMMAND ARGUMENT …`
*/
export async function execute(argv: readonly string[], options: ExecuteOptions = {}): Promise<Output> {
	const {namespace, stdin = 'ignore', stdout = 'capture', env, timeout, signal} = options;
	const deadline = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
	const stop = AbortSignal.any([signal, deadline].filter(one => one !== undefined));
	const output = stdout === 'capture' ? 'pipe' : 'inherit';
	const result = await launch(argv, namespace, {
		stdin,
		stdout: output,
		stderr: output,
		// A captured command leads a group of its own, so that all it started can be ended with it. With the
		// terminal handed over it has to stay in the terminal's foreground group, or reading would stop it.
		detached: stdout === 'capture',
		...(env ? {env} : {}),
	}, child => {
		endWhenAborted(child, stop, {group: stdout === 'capture'});
	});
	return {exitCode: deadline?.aborted && result.failed ? 124 : exitCodeOf(result), stdout: text(result.stdout), stderr: text(result.stderr) + complaint(argv, result)};
}

/** A program that goes on by itself, such as a daemon of the lab. */
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
	/** Default `ignore`. */
	readonly stdio?: SpawnOptions['stdio'];
	/** A session of its own: no terminal's Ctrl-C or hang-up reaches it. Default true. */
	readonly detached?: boolean | undefined;
};

/**
Starts a program and leaves it running; it neither keeps this program alive nor dies with it.
Equivalent to: `ip netns exec NAMESPACE setsid PROGRAM ARGUMENT … &`

@throws MachineError `missing-program`
*/
export function start(argv: readonly string[], {namespace, env, stdio = 'ignore', detached = true}: StartOptions = {}): RunningProgram {
	const [program = '', ...rest] = argv;
	const {child} = inside(namespace ?? home, () => ({child: spawn(program, rest, {stdio, detached, env: environment(env)})}));
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
@throws MachineError `missing-program`; ProgramError when it ends, or `timeout` (ms, default 10,000) passes, before it is ready
*/
export async function startService(argv: readonly string[], ready: RegExp, {namespace, timeout = defaultTimeout}: Pick<RunOptions, 'namespace' | 'timeout'> = {}): Promise<Service> {
	const {execa} = await import('execa');
	const [program = '', ...rest] = argv;
	const settings: Options = {stdin: 'ignore', reject: false, env: environment(), extendEnv: false, forceKillAfterDelay: 1000};
	const {child} = inside(namespace ?? home, () => ({child: execa(program, rest, settings)}));
	const ended = child.then(result => ({exitCode: exitCodeOf(result), stdout: text(result.stdout), stderr: text(result.stderr)}));
	const timer = setTimeout(() => child.kill(), timeout);
	let written = '';
	const isReady = await new Promise<boolean>(resolve => {
		child.stdout?.on('data', (chunk: Buffer) => {
			written += chunk.toString();
			if (ready.test(written)) {
				resolve(true);
			}
		});
		void ended.then(() => {
			resolve(false);
		});
	});
	clearTimeout(timer);
	if (isReady) {
		return {ended, written: () => written, stop: signal => child.kill(signal)};
	}

	const result = await child;
	throw isMissing(result) ? missingProgram(program) : new ProgramError(program, {...await ended, how: 'ended before it was ready', place: namespace?.name});
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

type Result = Awaited<ResultPromise>;
/** How a program ended: with an exit status, by a signal, or with the errno that kept it from starting. */
type Outcome = {readonly exitCode?: number | undefined; readonly signal?: NodeJS.Signals | undefined; readonly code?: string | undefined};

async function launch(argv: readonly string[], namespace: Namespace | undefined, options: Options, started: (child: ResultPromise) => void = () => undefined): Promise<Result> {
	// execa takes longer to load than most programs to run, so it waits until it is needed.
	const {execa} = await import('execa');
	const [program = '', ...rest] = argv;
	const settings: Options = {...options, env: environment(options.env), extendEnv: false, reject: false, stripFinalNewline: false, maxBuffer: outputLimit};
	const {child} = inside(namespace ?? home, () => ({child: execa(program, rest, settings)}));
	started(child);
	return child;
}

function environment(added: Readonly<Record<string, string | undefined>> = {}): Record<string, string | undefined> {
	return {...process.env, PATH: searchPath, ...added};
}

function isMissing({code}: Outcome): boolean {
	return code === 'ENOENT';
}

function exitCodeOf(result: Outcome): number {
	if (result.exitCode !== undefined) {
		return result.exitCode;
	}

	// The numbers of the shells, see EXIT STATUS in sh(1p).
	return result.signal === undefined ? isMissing(result) ? 127 : 126 : 128 + constants.signals[result.signal];
}

function howItFailed(result: Result, timeout: number): string {
	if (result.timedOut) {
		return `did not end within ${timeout / 1000} s`;
	}

	if (result.isCanceled) {
		return 'was interrupted';
	}

	if (result.isMaxBuffer) {
		return `wrote more than ${outputLimit >> 20} MB`;
	}

	return result.signal === undefined ? `failed with exit status ${exitCodeOf(result)}` : `was ended by ${result.signal}`;
}

/** What a shell would have said about a command that could not be started. */
function complaint([program = '']: readonly string[], result: Result): string {
	if (result.exitCode !== undefined || result.signal !== undefined) {
		return '';
	}

	return `${program}: ${isMissing(result) ? 'command not found' : result.code ?? 'cannot be started'}\n`;
}

function text(output: unknown): string {
	return typeof output === 'string' ? output : '';
}
