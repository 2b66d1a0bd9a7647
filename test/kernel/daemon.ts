/** Programs that go on by themselves, and services that are waited for. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import {isAlive, processStartTime, start, startService} from '../../lib/kernel/daemon.ts';
import {ProgramError} from '../../lib/kernel/process.ts';
import {MachineError} from '../../lib/util/errors.ts';

test('a started program is known by pid and start time until it ends', async t => {
	const program = start(['sleep', '60']);
	t.true(isAlive(program.pid, program.startTime));
	t.false(isAlive(program.pid, program.startTime + 1));
	process.kill(program.pid);
	t.deepEqual(await program.exited, {exitCode: null, signal: 'SIGTERM'});
	t.false(isAlive(program.pid, program.startTime));
});

test('starting a missing program', t => {
	t.throws(() => start(['ovs-vswitchd-missing']), {instanceOf: MachineError});
});

test('a start time counts hundredths of a second since boot', async t => {
	const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100;
	const before = uptime();
	const {pid, startTime, exited} = start(['sleep', '60']);
	t.true(startTime >= Math.floor(before) && startTime <= uptime() + 1);
	process.kill(pid);
	await exited;
	t.is(processStartTime(0), undefined);
});

test('a service is there when it says so, and ends when it is told to', async t => {
	const service = await startService(['sh', '-c', 'echo up; exec sleep 60'], /up/);
	t.is(service.written(), 'up\n');
	service.stop();
	t.like(await service.ended, {exitCode: 143, stdout: 'up\n'});
});

test('a service goes on telling what it writes', async t => {
	const service = await startService(['sh', '-c', 'echo up; sleep 0.1; echo more'], /up/);
	await service.ended;
	t.is(service.written(), 'up\nmore\n');
});

test('a service that ends before it is ready', async t => {
	await t.throwsAsync(startService(['sh', '-c', 'echo why >&2; exit 3'], /up/), {instanceOf: ProgramError, message: 'sh ended before it was ready: why'});
	await t.throwsAsync(startService(['no-such-program'], /up/), {instanceOf: MachineError});
});

test('waiting for a service can be interrupted', async t => {
	await t.throwsAsync(startService(['sleep', '60'], /up/, {signal: AbortSignal.timeout(100)}), {instanceOf: ProgramError, message: 'sleep was interrupted.'});
});
