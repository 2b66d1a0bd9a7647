/** System calls that wait. */
import {closeSync, openSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {lockExclusive} from '../../lib/kernel/syscall.ts';
import {KernelError} from '../../lib/util/errors.ts';
import {testDirectory} from '../helpers/fabric.ts';

test('a lock that another holds is waited for, up to a limit, and the error names it', t => {
	const directory = testDirectory();
	const path = join(directory, 'lock');
	const [first, second] = [openSync(path, 'w'), openSync(path, 'w')];
	t.teardown(() => {
		closeSync(second);
		rmSync(directory, {recursive: true});
	});
	lockExclusive(first);
	const error = t.throws(() => {
		lockExclusive(second, 50);
	}, {instanceOf: KernelError});
	t.like(error, {errno: 'EAGAIN', object: path});
	t.regex(error.message, /another process has kept the lock for 0\.05 s/);
	closeSync(first);
	t.notThrows(() => {
		lockExclusive(second, 50);
	});
});
