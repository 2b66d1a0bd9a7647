/** Collects problems so that a user sees all of them at once, not one a run. */
import {InputError} from './errors.ts';

export type Problem = {
	/** The node, link or rule it is about. */
	readonly subject: string;
	/** What is wrong. */
	readonly message: string;
	/** What to do about it; a sentence without its full stop, or a question. */
	readonly hint: string;
};

export class Problems {
	readonly list: Problem[] = [];

	add(subject: string, message: string, hint: string): void {
		this.list.push({subject, message, hint});
	}

	/** @throws InputError with every problem, one a line, when there is any. */
	throwIfAny(title: string): void {
		if (this.list.length > 0) {
			throw new ProblemsError(title, this.list);
		}
	}
}

export class ProblemsError extends InputError {
	override name = 'ProblemsError';
	readonly problems: readonly Problem[];

	constructor(title: string, problems: readonly Problem[]) {
		super('problems', [title, ...problems.map(problem => `  ${problemText(problem)}`)].join('\n'));
		this.problems = problems;
	}

	override toJSON() {
		return {...super.toJSON(), problems: this.problems};
	}
}

export function problemText({subject, message, hint}: Problem): string {
	return `${subject}: ${message}. ${hint}${hint.endsWith('?') ? '' : '.'}`;
}
