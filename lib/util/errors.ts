/** The errors a user can meet: each names the thing, says what was expected and what to do next, and knows its exit status. */

/** Exit statuses of the command line, as in `securenet --help`. */
export const exitStatus = {failed: 1, input: 2, machine: 3} as const;
export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];

/** Everything an error can say beside its message; the shape of `error` in JSON output. */
export type ErrorDetails = {
	/** 1-based line of the file or script the mistake stands in. */
	readonly line?: number;
	/** 1-based column of the mistake in its line. */
	readonly column?: number;
	/** What would have been right at that column. */
	readonly expected?: readonly string[];
	/** Known names that look like the one given, nearest first. */
	readonly nearest?: readonly string[];
};

/** Base of all errors that are for the user's eyes: never shown with a stack. */
export class SecureNetError extends Error {
	override name = 'SecureNetError';
	readonly code: string;
	#details: ErrorDetails;
	readonly exitStatus: ExitStatus = exitStatus.failed;

	/**
	@param code a stable word for programs, such as `unknown-node`
	@param message one or more sentences for people
	*/
	constructor(code: string, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
		this.#details = details;
	}

	get details(): ErrorDetails {
		return this.#details;
	}

	/** Adds where the mistake stands, as far as that is not known yet. Returns the error itself. */
	locate(place: Pick<ErrorDetails, 'line' | 'column'>): this {
		this.#details = {...place, ...this.#details};
		return this;
	}

	toJSON(): {code: string; message: string} & ErrorDetails {
		return {code: this.code, message: this.message, ...this.details};
	}
}

/** What the user gave is wrong: usage, a topology, a rule, a name. Exit status 2. */
export class InputError extends SecureNetError {
	override name = 'InputError';
	override readonly exitStatus = exitStatus.input;
}

/** This machine cannot do it: not root, a program or a kernel feature is missing. Exit status 3. */
export class MachineError extends SecureNetError {
	override name = 'MachineError';
	override readonly exitStatus = exitStatus.machine;
}

/** A system call or a netlink request failed. */
export class KernelError extends SecureNetError {
	override name = 'KernelError';
	/** Errno name, such as `EEXIST`. */
	readonly errno: string;
	/** What it was done to, such as `link h1-eth0`. */
	readonly object: string;

	/**
	@param operation what was tried, such as `setns` or `new link`
	@param reason the kernel's own words (extended ACK) or undefined
	@param place namespace or file it was tried in
	*/
	constructor(operation: string, errno: string, object: string, {reason, place}: {reason?: string | undefined; place?: string | undefined} = {}) {
		super('kernel', `${operation} ${object}${place ? ` in ${place}` : ''}: ${errno}${reason ? ` (${reason})` : ''}`);
		this.errno = errno;
		this.object = object;
	}
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
