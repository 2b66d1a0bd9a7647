/** Runs test files under AVA, as one suite. */
import {execa} from 'execa';
import {type Suite, systemTests} from './outcome.ts';
import {failed, readTap} from './tap.ts';

/** @param patience factor of all time limits */
export async function runSystemTests(files: readonly string[], patience: number): Promise<Suite> {
	const began = performance.now();
	const {stdout, exitCode} = await execa('node_modules/.bin/ava', ['--tap', ...files], {
		reject: false, stdin: 'ignore', stderr: 'inherit', env: {SECURENET_TEST_PATIENCE: `${patience}`},
	});
	const cases = readTap(stdout);
	// A file that crashes has no line of its own in every release of AVA.
	const lost = exitCode !== 0 && !cases.some(({status}) => status === 'fail');
	return {driver: systemTests, cases: lost ? [...cases, failed('ava', 'runs to its end', `ended with status ${exitCode ?? 'of a signal'}`)] : cases, ms: performance.now() - began};
}
