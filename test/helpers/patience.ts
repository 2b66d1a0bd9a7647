/** How long tests wait before they say that nothing comes. SECURENET_TEST_PATIENCE multiplies it, for machines that are slow or busy. */

/** The factor itself, for what has time limits of its own. */
export const patience = Number(process.env['SECURENET_TEST_PATIENCE'] ?? 1);

if (!(patience > 0)) {
	throw new RangeError('SECURENET_TEST_PATIENCE is a factor, such as 3.');
}

/** Milliseconds until a ping without an answer counts as lost: too long makes tests slow, too short closes open pairs. */
export const pingPatience = 1000 * patience;

/** Milliseconds until what must come has come. */
export const longPatience = 30_000 * patience;
