/** A lab killed while it goes down, or while its policy changes: `securenet clean` brings the machine back to what it was. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync, readdirSync, readlinkSync} from 'node:fs';
import {setTimeout} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {execa} from 'execa';
import {type Namespace, closeNamespace, openNamespace} from '../../lib/kernel/namespace.ts';
import {changedSettings, rcuExpedited} from '../../lib/network/host-settings.ts';
import {readRecord} from '../../lib/network/journal.ts';
import {securenet} from '../helpers/cli.ts';
import {takeTurn} from '../helpers/cleaning.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';
import {longPatience} from '../helpers/patience.ts';

/** What a lab may change and must not leave, beside its own objects. Counts of packets change by themselves. */
async function host(name: string) {
	const questions = [['iptables-save'], ['ip6tables-save'], ['nft', '-s', 'list', 'ruleset'], ['ipset', 'list', '-name'], ['find', '/sys/fs/cgroup', '-name', `*${name}*`]];
	const answers = await Promise.all(questions.map(async ([program = '', ...args]) => (await execa(program, args)).stdout.replaceAll(/^#.*|\[\d+:\d+\]/gm, '')));
	return {answers, machine: await machine(name), daemons: daemonsOf(name)};
}

/** Open, because the kernel gives the number of a namespace that is gone to the next one, which may be another test's. */
function namespacesOf(name: string): Namespace[] {
	return Object.values(readRecord(name)?.namespaces ?? {}).flatMap(namespace => {
		try {
			return [openNamespace(namespace)];
		} catch {
			return [];
		}
	});
}

function processesIn(namespaces: readonly Namespace[]): string[] {
	const ids = new Set(namespaces.map(({fd}) => readlinkSync(`/proc/self/fd/${fd}`)));
	return readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).filter(pid => {
		try {
			return ids.has(readlinkSync(`/proc/${pid}/ns/net`));
		} catch {
			return false;
		}
	});
}

/** Other tests' labs may have it raised for a moment. */
async function isExpeditedNoMore(): Promise<boolean> {
	const isSo = () => readFileSync(rcuExpedited, 'utf8').trim() === '0' || changedSettings().some(({path}) => path === rcuExpedited);
	for (const deadline = Date.now() + longPatience; !isSo() && Date.now() < deadline;) {
		await setTimeout(20);
	}

	return isSo();
}

/** Starts the story and kills it so many ms after it said the n-th time what it begins. Returns the namespaces it had, which stay until the test ends. */
async function killed(t: ExecutionContext, name: string, deed: 'change' | 'down', later: number, times = 1): Promise<Namespace[]> {
	const child = spawn(process.execPath, ['--import=tsx', 'test/fixtures/story-that-is-killed.ts', name, deed], {stdio: ['ignore', 'pipe', 'inherit']});
	t.teardown(() => child.kill('SIGKILL'));
	const exited = once(child, 'exit');
	let namespaces: Namespace[] = [];
	t.teardown(() => {
		for (const namespace of namespaces) {
			closeNamespace(namespace);
		}
	});
	await new Promise<void>(resolve => {
		let said = 0;
		child.stdout.on('data', chunk => {
			const lines = String(chunk).split('\n');
			namespaces = namespaces.length > 0 ? namespaces : namespacesOf(name);
			said += lines.filter(line => line === deed).length;
			if (said >= times) {
				resolve();
			}
		});
	});
	await setTimeout(later);
	child.kill('SIGKILL');
	await exited;
	return namespaces;
}

// The first change loads what it needs.
for (const [deed, later, times] of [['down', 0, 1], ['down', 30, 1], ['change', 0, 2], ['change', 10, 3]] as const) {
	test.serial(`killed ${later} ms after a ${deed} begins, then cleaned`, async t => {
		await takeTurn(t);
		const name = uniqueName();
		const before = await host(name);
		const namespaces = await killed(t, name, deed, later, times);
		const {exitCode, stderr} = await securenet(['clean']);
		t.deepEqual([exitCode, stderr], [0, '']);
		t.deepEqual(await host(name), before);
		if (deed === 'change') {
			t.is(namespaces.length, 8);
		}

		t.deepEqual(processesIn(namespaces), []);
		t.true(await isExpeditedNoMore());
	});
}
