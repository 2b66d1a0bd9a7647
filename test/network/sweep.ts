import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {setTimeout} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {createNamespaces, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {raiseSettings, releaseSettings, changedSettings} from '../../lib/network/host-settings.ts';
import {labDirectory, stateDirectory} from '../../lib/network/paths.ts';
import {clean} from '../../lib/network/sweep.ts';
import {check, shape} from '../../lib/index.ts';
import {Network} from '../../lib/network/network.ts';
import {takeTurn} from '../helpers/cleaning.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';

/** Starts a lab in a process of its own and kills that process so many ms after it said that it is at a step. */
async function killedLab(t: ExecutionContext, name: string, step: string, later = 0): Promise<void> {
	const child = spawn(process.execPath, ['--import=tsx', 'test/fixtures/lab-that-stays.ts', name, 'single,40'], {stdio: ['ignore', 'pipe', 'inherit']});
	t.teardown(() => child.kill('SIGKILL'));
	const exited = once(child, 'exit');
	await new Promise<void>(resolve => {
		child.stdout.on('data', chunk => {
			if (String(chunk).split('\n').includes(step)) {
				resolve();
			}
		});
	});
	await setTimeout(later);
	child.kill('SIGKILL');
	await exited;
}

for (const [step, later] of [['namespaces', 0], ['namespaces', 5], ['links', 0], ['links', 5], ['addresses', 0], ['addresses', 50], ['addresses', 200], ['up', 0]] as const) {
	test.serial(`a lab killed ${later} ms after "${step}" is swept`, async t => {
		await takeTurn(t);
		const name = uniqueName();
		const before = await machine(name);
		await killedLab(t, name, step, later);
		const report = await clean();
		t.deepEqual(await machine(name), before);
		t.deepEqual(daemonsOf(name), []);
		t.true(report.labs.includes(name));
		t.true(report.namespaces >= 2);
		if (step === 'up') {
			t.is(report.processes, 2);
			t.is(report.namespaces, 41);
		}

		t.false((await clean()).labs.includes(name));
	});
}

test.serial('a killed lab\'s name can be used again at once', async t => {
	await takeTurn(t);
	const name = uniqueName();
	await killedLab(t, name, 'up');
	const topology = shape('single,2', {switchKind: 'switch'});
	const network = topology && await Network.up(check(topology), {name});
	t.is(network?.nodes.size, 3);
	await network?.down();
});

test.serial('a lab that runs is not swept, nor is what no lab made', async t => {
	await takeTurn(t);
	const topology = shape('single,2', {switchKind: 'switch'});
	const network = topology && await Network.up(check(topology), {name: uniqueName()});
	t.teardown(async () => network?.down());
	const foreign = createNamespaces([`${uniqueName()}.foreign`]);
	t.teardown(() => {
		deleteNamespaces(foreign);
	});
	const before = await machine(network?.name ?? '');
	const report = await clean();
	t.false(report.labs.includes(network?.name ?? ''));
	t.deepEqual(await machine(network?.name ?? ''), before);
	t.true(existsSync(foreign[0]?.path ?? ''));
});

test.serial('a run directory without a journal is swept', async t => {
	await takeTurn(t);
	const name = uniqueName();
	mkdirSync(labDirectory(name), {recursive: true});
	t.true((await clean()).labs.includes(name));
	t.deepEqual((await machine(name)).directories, []);
});

test.serial('a setting is raised for the labs that need it and goes back with the last', t => {
	const path = `${stateDirectory}/test-setting`;
	const [first, second] = [uniqueName(), uniqueName()];
	t.teardown(() => {
		releaseSettings(first);
		releaseSettings(second);
		rmSync(path);
	});
	writeSetting(path, 10);
	raiseSettings(first, [path], 50);
	raiseSettings(second, [path], 80);
	t.is(readSetting(path), 140, 'needs add up');
	t.deepEqual(changedSettings().find(setting => setting.path === path), {path, original: 10, current: 140, labs: [first, second]});
	t.deepEqual(releaseSettings(second), []);
	t.is(readSetting(path), 60);
	t.deepEqual(releaseSettings(first), [path]);
	t.is(readSetting(path), 10);
	t.is(changedSettings().find(setting => setting.path === path), undefined);
});

function writeSetting(path: string, value: number): void {
	writeFileSync(path, String(value));
}

function readSetting(path: string): number {
	return Number(readFileSync(path, 'utf8'));
}
