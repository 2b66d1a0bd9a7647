/** What a subcommand answers: cli.ts prints it. */

export type Answer = {
	/** For standard output, without a final newline. */
	readonly text: string;
	/** Exit status; default 0. */
	readonly status?: number;
};

/** The text for people, or the value as JSON. */
export function answer(value: unknown, text: string, {json}: {readonly json: boolean}): Answer {
	return {text: json ? JSON.stringify(value) : text};
}
