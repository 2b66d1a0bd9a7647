/** A lab that is killed while hosts come and go is swept like any other. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {setTimeout} from 'node:timers/promises';
import test from 'ava';
import {clean} from '../../lib/network/sweep.ts';
import {takeTurn} from '../helpers/cleaning.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';

for (const [step, later] of [['add', 0], ['add', 3], ['add', 10], ['add', 30], ['remove', 0], ['remove', 5], ['remove', 20], ['remove', 60]] as const) {
	test.serial(`killed ${later} ms after "${step}" begins`, async t => {
		await takeTurn(t);
		const name = uniqueName();
		const before = await machine(name);
		const child = spawn(process.execPath, ['--import=tsx', 'test/fixtures/lab-that-changes.ts', name], {stdio: ['ignore', 'pipe', 'inherit']});
		t.teardown(() => child.kill('SIGKILL'));
		const exited = once(child, 'exit');
		await new Promise<void>(resolve => {
			let seen = 0;
			child.stdout.on('data', chunk => {
				seen += String(chunk).split('\n').filter(line => line === step).length;
				// The first ones load what they need.
				if (seen > 3) {
					resolve();
				}
			});
		});
		await setTimeout(later);
		child.kill('SIGKILL');
		await exited;
		const report = await clean();
		t.true(report.labs.includes(name));
		t.deepEqual(await machine(name), before);
		t.deepEqual(daemonsOf(name), []);
	});
}
