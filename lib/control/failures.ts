/** Doing several things at once, none of which is left out because another one fails. */

/** Resolves when all are over, with the errors of those that failed, in the order given. */
export async function failuresOf(deeds: ReadonlyArray<Promise<unknown>>): Promise<unknown[]> {
	const outcomes = await Promise.allSettled(deeds);
	return outcomes.flatMap((outcome): unknown[] => outcome.status === 'rejected' ? [outcome.reason] : []);
}

/** As `failuresOf`, when nothing is to be made of them. @throws the first one */
export async function allOf(deeds: ReadonlyArray<Promise<unknown>>): Promise<void> {
	const failures = await failuresOf(deeds);
	if (failures.length > 0) {
		throw failures[0];
	}
}
