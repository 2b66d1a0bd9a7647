/**
Programs that run to their end: argument lists, never command lines; each in the namespace it belongs to. Those that go on by
themselves are in daemon.ts.
*/
import {constants} from 'node:os';
import type {Options, ResultPromise} from 'execa';
import {SecureNetError} from '../util/errors.ts';
import {endWhenAborted} from './interrupt.ts';
import {type Namespace, home, inside} from './namespace.ts';
import {letGoAfterExit} from './pipes.ts';
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
	/** Whether it was ended because its time was up. */
	readonly timedOut: boolean;

	constructor(program: string, {exitCode, stdout, stderr, how, place, timedOut}: Output & {how: string; place: string | undefined; timedOut: boolean}, options?: ErrorOptions) {
		const words = stderr.trim();
		super('program', `${program}${place === undefined ? '' : ` in ${place}`} ${how}${words === '' ? '.' : `: ${words}`}`, {}, options);
		this.program = program;
		this.exitCode = exitCode;
		this.stderr = stderr;
		this.stdout = stdout;
		this.timedOut = timedOut;
	}
}

/**
Runs a program to its end.
Equivalent to: `nsenter --net=/run/netns/NAMESPACE PROGRAM ARGUMENT …`; `ip netns exec` would also mount a /sys and bind /etc/netns/NAMESPACE

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
	if (result.failed) {
		throw failure(program ?? '', result, howItFailed(result, timeout), namespace);
	}

	return outputOf(result);
}

export type ExecuteOptions = {
	readonly namespace?: Namespace | undefined;
	/** Default `ignore`: a command never eats what was meant for the prompt. */
	readonly stdin?: 'ignore' | 'inherit' | undefined;
	/** `inherit` hands the terminal over, for programs that are used interactively or printed as they run; `ignore` keeps nothing; default `capture`. */
	readonly stdout?: 'capture' | 'inherit' | 'ignore' | undefined;
	readonly env?: Readonly<Record<string, string>> | undefined;
	/** Milliseconds; default: no limit. */
	readonly timeout?: number | undefined;
	/** Ends the command: SIGINT first, as Ctrl-C would, then SIGTERM and SIGKILL a second apart. */
	readonly signal?: AbortSignal | undefined;
};

/**
Runs a user's command. Its failure is a result, not an error: 127 when there is no such program, 126 when it cannot be
started, 124 when `timeout` passed, 128 + number when a signal ended it. Output is kept byte for byte as UTF-8 text.
Equivalent to: `nsenter --net=/run/netns/NAMESPACE COMMAND ARGUMENT …`, with the host's /sys and /etc
*/
export async function execute(argv: readonly string[], options: ExecuteOptions = {}): Promise<Output> {
	const {namespace, stdin = 'ignore', stdout = 'capture', env, timeout, signal} = options;
	const deadline = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
	const stop = AbortSignal.any([signal, deadline].filter(one => one !== undefined));
	const output = stdout === 'capture' ? 'pipe' : stdout;
	const result = await launch(argv, namespace, {
		stdin,
		stdout: output,
		stderr: output,
		// A command leads a group of its own, so that all it started can be ended with it. With the
		// terminal handed over it has to stay in the terminal's foreground group, or reading would stop it.
		detached: stdout !== 'inherit',
		...(env ? {env} : {}),
		// Execa escapes each control character for its error message, which takes seconds for 10 MB of them and ends the
		// process for 100 MB. In this notation there are none.
		encoding: 'base64',
		maxBuffer: Math.ceil(outputLimit / 3) * 4,
	}, undefined, stop);
	const {exitCode, ...written} = outputOf(result);
	const [standard, errors] = [written.stdout, written.stderr].map(each => Buffer.from(each, 'base64').toString()) as [string, string];
	return {exitCode: deadline?.aborted && result.failed ? 124 : exitCode, stdout: standard, stderr: errors + complaint(argv, result)};
}

export type Result = Awaited<ResultPromise>;
/** How a program ended: with an exit status, by a signal, or with the errno that kept it from starting. */
type Outcome = {readonly exitCode?: number | undefined; readonly signal?: NodeJS.Signals | undefined; readonly code?: string | undefined};

/**
Starts a program by execa and waits for its end, whatever that is. What it started itself and left running is not waited for.

@param started gets the child while it runs
@param stop ends the program by `endWhenAborted`; when it leads a group of its own, all of that, and the group's end is waited for as well
*/
export async function launch(argv: readonly string[], namespace: Namespace | undefined, options: Options, started: (child: ResultPromise) => void = () => undefined, stop?: AbortSignal): Promise<Result> {
	// execa takes longer to load than most programs to run, so it waits until it is needed.
	const {execa} = await import('execa');
	const [program = '', ...rest] = argv;
	const settings: Options = {maxBuffer: outputLimit, ...options, env: environment(options.env), extendEnv: false, reject: false, stripFinalNewline: false};
	const {child} = inside(namespace ?? home, () => ({child: execa(program, rest, settings)}));
	started(child);
	letGoAfterExit(child, stop && endWhenAborted(child, stop, {group: settings.detached === true}));
	return child;
}

/** This program's environment and what is added, with the path that has the system's programs. */
export function environment(added: Readonly<Record<string, string | undefined>> = {}): Record<string, string | undefined> {
	return {...process.env, PATH: searchPath, ...added};
}

export function outputOf(result: Result): Output {
	return {exitCode: exitCodeOf(result), stdout: text(result.stdout), stderr: text(result.stderr)};
}

/** What to throw for a program that failed. @param how such as `was interrupted` */
export function failure(program: string, result: Result, how: string, namespace: Namespace | undefined): Error {
	return isMissing(result) ? missingProgram(program) : new ProgramError(program, {...outputOf(result), how, place: namespace?.name, timedOut: result.timedOut}, {cause: result.cause});
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

/** As a message goes on after the program's name: `failed with exit status 1`. @param timeout milliseconds, as it was started with */
export function howItFailed(result: Result, timeout: number): string {
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

/** What a shell would have said about a command that could not be started, and what none would: that output is missing. */
function complaint([program = '']: readonly string[], result: Result): string {
	if (result.isMaxBuffer) {
		return `${program}: wrote more than ${outputLimit >> 20} MB; the rest is lost\n`;
	}

	if (result.exitCode !== undefined || result.signal !== undefined) {
		return '';
	}

	return `${program}: ${isMissing(result) ? 'command not found' : result.code ?? 'cannot be started'}\n`;
}

function text(output: unknown): string {
	return typeof output === 'string' ? output : '';
}
