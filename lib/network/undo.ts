/** The way back of a change that is made in steps: what each step adds is taken away in the opposite order. */
import {SecureNetError, messageOf} from '../util/errors.ts';

export class Undo {
	readonly #steps: Array<() => void | Promise<void>> = [];

	/** Call before the step it takes back, or right after one that does all or nothing. */
	add(step: () => void | Promise<void>): void {
		this.#steps.push(step);
	}

	/**
	Takes all steps back, also when one of them cannot be.

	@returns the error of the change, which says so when something of it is left
	*/
	async after(error: unknown): Promise<SecureNetError> {
		const left: string[] = [];
		for (const step of this.#steps.toReversed()) {
			try {
				await step();
			} catch (failure) {
				left.push(`  ${messageOf(failure)}`);
			}
		}

		const cause = error instanceof SecureNetError ? error : new SecureNetError('live', messageOf(error), {}, {cause: error});
		return left.length === 0 ? cause : new SecureNetError(cause.code, [cause.message, 'Not all could be taken back; what is left goes with the lab:', ...left].join('\n'), cause.details, {cause: error});
	}
}
