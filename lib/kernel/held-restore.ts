/** A change of rules that iptables-restore(8) has read, and makes when it is told to: one program where a test and then the change take two. */
import type {ResultPromise} from 'execa';
import type {Family} from '../util/address.ts';
import {restoreCommand, restoreError, restoreLimit} from './iptables.ts';
import type {Namespace} from './namespace.ts';
import {failure, howItFailed, launch} from './process.ts';
import type {Result} from './process.ts';

/** A comment that the program repeats as soon as it has read what stands before, because of `--verbose`. A line that it refuses ends it. */
const mark = '# held';
const last = 'COMMIT\n';
/** Milliseconds; a program that has repeated nothing by then is one that does not, or not before its end. */
const answerLimit = 5000;
/** Milliseconds until it is ended whatever it does: it is told to commit in the first half of that, and has the other for it. */
const life = 2 * restoreLimit;

type Ended = Promise<Result>;

export class HeldRestore {
	readonly text: string;
	readonly #child: ResultPromise;
	readonly #ended: Ended;
	readonly #errorOf: (result: Result) => unknown;
	readonly #since = performance.now();

	constructor(text: string, child: ResultPromise, ended: Ended, errorOf: (result: Result) => unknown) {
		this.text = text;
		this.#child = child;
		this.#ended = ended;
		this.#errorOf = errorOf;
	}

	/** Whether it can be told to make the change. */
	get isWaiting(): boolean {
		const {exitCode, signalCode, stdin} = this.#child;
		return exitCode === null && signalCode === null && stdin?.writable === true && performance.now() - this.#since < restoreLimit;
	}

	/** @throws RulesError with the refused line; nothing has changed then. ProgramError, after which nobody knows */
	async commit(): Promise<void> {
		this.#child.stdin?.end(last);
		const result = await this.#ended;
		if (result.failed) {
			throw this.#errorOf(result);
		}
	}

	/** Ends the program, which changes nothing without a COMMIT. Twice is fine. */
	async discard(): Promise<void> {
		this.#child.stdin?.end();
		await this.#ended;
	}
}

/**
Has a text read, and held back until `commit` or `discard`, or for 30 seconds. Only the nf_tables back end lets others change rules meanwhile: the legacy one holds a lock of the whole machine.
Equivalent to: `ip netns exec NAMESPACE iptables-restore --noflush --verbose`, with the line COMMIT typed later

@param text as for `restore`
@returns undefined when the program does not tell that it has read the text; it has ended then
@throws RulesError with the refused line; nothing has changed then
*/
export async function holdRestore(namespace: Namespace, family: Family, text: string): Promise<HeldRestore | undefined> {
	const argv = [...restoreCommand(family), '--verbose'];
	const errorOf = (result: Result) => restoreError(failure(argv[0] ?? '', result, howItFailed(result, life), namespace), namespace, family, text);
	const {child, ended} = await begin(argv, namespace);
	child.stdin?.write(text.slice(0, -last.length) + `${mark}\n`);
	const answer = await answerOf(child, ended);
	if (typeof answer === 'object') {
		throw errorOf(answer);
	}

	const held = new HeldRestore(text, child, ended, errorOf);
	if (answer === 'read') {
		return held;
	}

	await held.discard();
	return undefined;
}

/** The child in an object, because it is a promise of its own end. @throws what kept it from being started */
async function begin(argv: readonly string[], namespace: Namespace): Promise<{readonly child: ResultPromise; readonly ended: Ended}> {
	return new Promise((resolve, reject) => {
		const ended: Ended = launch(argv, namespace, {stdin: 'pipe', env: {LC_ALL: 'C'}, timeout: life, forceKillAfterDelay: 1000}, child => {
			// A program that ends before it has read everything says why itself.
			child.stdin?.on('error', () => undefined);
			resolve({child, ended});
		});
		ended.catch(reject);
	});
}

/** How it ended, when it did so instead of answering. */
async function answerOf(child: ResultPromise, ended: Ended): Promise<Result | 'read' | 'silent'> {
	let written = '';
	let timer: NodeJS.Timeout | undefined;
	const answer = new Promise<'read' | 'silent'>(resolve => {
		timer = setTimeout(resolve, answerLimit, 'silent');
		child.stdout?.on('data', (chunk: Buffer | string) => {
			written = (written + chunk.toString()).slice(-2 * mark.length);
			if (written.includes(mark)) {
				resolve('read');
			}
		});
	});
	return Promise.race([answer, ended]).finally(() => {
		clearTimeout(timer);
	});
}
