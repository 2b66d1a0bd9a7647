/** Time taken, for the tests that hold the program to its speed. */

/** Milliseconds of processor time (not of waiting for one) that the quickest of three runs takes, so that a busy machine spoils no test. */
export function spent(work: () => void): number {
	return Math.min(...[1, 2, 3].map(() => {
		const start = process.cpuUsage();
		work();
		const {user, system} = process.cpuUsage(start);
		return (user + system) / 1000;
	}));
}
