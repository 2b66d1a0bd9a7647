/** What became of one line: success and failure have the same shape. */
import {SecureNetError} from '../util/errors.ts';
import type {AnyCommand} from './command.ts';

type Outcome = {readonly command: AnyCommand; readonly result: unknown; /** The user asked for `--json`. */ readonly json: boolean} | {readonly error: SecureNetError};

type Facts = {
	/** Without a pasted prompt and the space around it; columns of errors count from its start. */
	readonly line: string;
	/** Whether it began with `-`: scripts go on after it whatever happens. */
	readonly mayFail: boolean;
	/** 1-based number of the line, when it stands in a file. */
	readonly number?: number | undefined;
	/** Milliseconds it took. */
	readonly ms: number;
};

export class LineResult {
	readonly line: string;
	readonly mayFail: boolean;
	readonly number: number | undefined;
	readonly ms: number;
	readonly #outcome: Outcome;

	constructor({line, mayFail, number, ms}: Facts, outcome: Outcome) {
		this.line = line;
		this.mayFail = mayFail;
		this.number = number;
		this.ms = ms;
		this.#outcome = outcome;
	}

	/** False when it threw, a program's exit status was not 0, a pair was lost. */
	get ok(): boolean {
		return 'command' in this.#outcome && (this.#outcome.command.ok?.(this.#outcome.result) ?? true);
	}

	/** What the command resulted in, of the type its file exports; undefined when there is an error. */
	get result(): unknown {
		return 'command' in this.#outcome ? this.#outcome.result : undefined;
	}

	get error(): SecureNetError | undefined {
		return 'error' in this.#outcome ? this.#outcome.error : undefined;
	}

	/** Why `ok` is false: the error, or one that says so of a result that is a failure. */
	get failure(): SecureNetError | undefined {
		return this.ok ? undefined : this.error ?? new SecureNetError('line-failed', `"${this.line}" failed${this.#exitStatus}.`, this.#place);
	}

	/** The result laid out for people, without a final newline; empty when there is nothing to say. Errors are painted by who shows them. */
	get text(): string {
		if ('error' in this.#outcome) {
			return '';
		}

		const {command, result, json} = this.#outcome;
		return json ? JSON.stringify(result) : command.text(result);
	}

	/** Whether the line asks to leave the prompt. */
	get leaves(): boolean {
		return 'command' in this.#outcome && (this.#outcome.command.leaves?.(this.#outcome.result) ?? false);
	}

	toJSON() {
		const {line, number, ok, ms} = this;
		return {line, ...number === undefined ? {} : {number}, ok, ms: Math.round(ms * 1000) / 1000, ...'error' in this.#outcome ? {error: this.#outcome.error} : {result: this.#outcome.result}};
	}

	get #place(): {line?: number} {
		return this.number === undefined ? {} : {line: this.number};
	}

	get #exitStatus(): string {
		const {result} = this;
		return typeof result === 'object' && result !== null && 'exitCode' in result ? ` with exit status ${String(result.exitCode)}` : '';
	}
}
