/** The life of the thread that carries GRE tunnels: it sleeps, it outlives what happens to underlay and devices, and it ends with the process. */
import {once} from 'node:events';
import {readFileSync, readdirSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Worker} from 'node:worker_threads';
import test, {type ExecutionContext} from 'ava';
import type {GreEndpoint} from '../../lib/kernel/gre-endpoint.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {execute, run} from '../../lib/kernel/process.ts';
import {longPatience} from '../helpers/patience.ts';
import {address, answers, batch, buildTunnel, buildUnderlay, end, isSilent, openEndpoint} from '../helpers/underlay.ts';

test.serial('50 tunnels have one thread, which sleeps when there is nothing to do', async t => {
	const [a, b] = await buildUnderlay(t);
	const before = new Set(threads());
	const endpoint = await openEndpoint(t);
	const own = threads().filter(id => !before.has(id));
	const nets = Array.from({length: 50}, (_, net) => net);
	for (const [namespace, number] of [[a, 1], [b, 2]] as const) {
		for (const net of nets) {
			endpoint.add(end(namespace, number, {name: `g${net}`, key: net}));
		}

		await batch(namespace, nets.flatMap(net => [`link set g${net} up`, `address add 10.0.${net}.${number}/24 dev g${net}`]));
	}

	t.deepEqual(threads().filter(id => !before.has(id)), own);
	t.deepEqual(await Promise.all(nets.map(async net => answers(a, `10.0.${net}.2`))), nets.map(() => true));
	t.true(await sleeps(own));
});

function threads(): string[] {
	return readdirSync('/proc/self/task');
}

/** Whether all these threads are found asleep, time after time: one that spins never is. */
async function sleeps(ids: readonly string[]): Promise<boolean> {
	let times = 0;
	for (const limit = performance.now() + longPatience; times < 10 && performance.now() < limit;) {
		await sleep(10);
		const states = ids.map(id => /\) (\w)/.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8'))?.[1]);
		times = states.every(state => state === 'S') ? times + 1 : 0;
	}

	return times === 10;
}

test.serial('a tunnel waits for its underlay, outlives it, and goes on with it', async t => {
	const [a, b] = await buildUnderlay(t);
	const before = new Set(threads());
	const endpoint = await openEndpoint(t);
	const own = threads().filter(id => !before.has(id));
	await batch(a, ['address del 192.0.2.1/24 dev u']);
	endpoint.add(end(a, 1));
	endpoint.add(end(b, 2));
	await address(a, 'g', 1, 1);
	await address(b, 'g', 1, 2);
	const changes = [
		['address add 192.0.2.1/24 dev u', 'address del 192.0.2.1/24 dev u'],
		['address add 192.0.2.1/24 dev u', 'link set u down'],
		['link set u up', 'route replace blackhole 192.0.2.2'],
		['route del blackhole 192.0.2.2', 'route replace unreachable 192.0.2.2'],
		['route del unreachable 192.0.2.2', 'neighbor replace 192.0.2.2 lladdr 02:00:00:00:00:99 nud permanent dev u'],
	] as const;
	t.true(await isSilent(a, '10.0.1.2'));
	for (const [cure, harm] of changes) {
		await batch(a, [cure]);
		t.true(await answers(a, '10.0.1.2'), cure);
		await batch(a, [harm]);
		t.true(await isSilent(a, '10.0.1.2'), harm);
		t.true(await sleeps(own), harm);
	}
});

test.serial('a device that somebody deletes goes without the others, and can be made again', async t => {
	const before = new Set(threads());
	const [a, b, endpoint] = await buildTunnel(t);
	const own = threads().filter(id => !before.has(id));
	endpoint.add(end(a, 1, {name: 'other', key: 3}));
	await run(['ip', 'link', 'delete', 'g'], {namespace: a});
	t.true(await sleeps(own));
	await endpoint.remove({namespace: a, name: 'g'});
	endpoint.add(end(a, 1));
	await address(a, 'g', 1, 1);
	t.true(await answers(b, '10.0.1.1'));
	t.regex((await run(['ip', 'link', 'show', 'other'], {namespace: a})).stdout, /other/);
});

test.serial('a packet that is too long for the underlay is lost alone', async t => {
	const [a, b] = await buildTunnel(t);
	await batch(a, ['link set u mtu 1300']);
	await batch(b, ['link set u mtu 1300']);
	t.true(await isSilent(a, '10.0.1.2', '-s1400', '-Mdo'));
	t.true(await answers(a, '10.0.1.2', '-s1200', '-Mdo'));
});

/** With one tunnel, and the thread that carries it. */
async function openWithThread(t: ExecutionContext, a: Namespace): Promise<{endpoint: GreEndpoint; worker: Worker}> {
	const started = once(process, 'worker') as Promise<[Worker]>;
	const endpoint = await openEndpoint(t);
	endpoint.add(end(a, 1));
	const [worker] = await started;
	return {endpoint, worker};
}

test.serial('a thread that ends is told, and its devices go', async t => {
	const [a] = await buildUnderlay(t);
	const {endpoint, worker} = await openWithThread(t, a);
	worker.postMessage({add: null});
	// Rings the bell.
	endpoint.add(end(a, 1, {key: 1, name: 'last'}));
	const death = await Promise.race([endpoint.died, sleep(longPatience)]);
	t.is(death?.code, 'gre');
	t.regex(death?.message ?? '', /^The thread that carries GRE tunnels has ended: Cannot .*\. Take the lab down and up again\.$/);
	await endpoint.close();
	t.notRegex((await run(['ip', 'link'], {namespace: a})).stdout, /\b(g|last)\b/);
});

test.serial('once the thread has died nothing can be added, and all that is left can be taken away', async t => {
	const [a] = await buildUnderlay(t);
	const {endpoint, worker} = await openWithThread(t, a);
	void worker.terminate();
	// Rings the bell.
	endpoint.add(end(a, 1, {key: 1, name: 'last'}));
	const death = await endpoint.died;
	t.is(t.throws(() => {
		endpoint.add(end(a, 1, {key: 2, name: 'late'}));
	}), death);
	const inTime = async (work: Promise<void>) => Promise.race([work.then(() => true), sleep(longPatience, false)]);
	t.true(await inTime(endpoint.remove({namespace: a, name: 'g'}, {namespace: a, name: 'late'})));
	t.true(await inTime(endpoint.close()));
	t.notRegex((await run(['ip', 'link'], {namespace: a})).stdout, /\b(g|last|late)\b/);
});

const endings: Readonly<Record<string, {readonly script: string; readonly exitCode: number}>> = {
	'that has nothing more to do': {script: '', exitCode: 0},
	'that exits': {script: 'process.exit(3)', exitCode: 3},
	'that fails': {script: 'throw new Error("fails")', exitCode: 1},
	'that is killed': {script: 'process.kill(process.pid, "SIGKILL")', exitCode: 137},
};

for (const [title, {script, exitCode}] of Object.entries(endings)) {
	test.serial(`a process ${title} ends at once, and its tunnels with it`, async t => {
		const [a] = await buildUnderlay(t);
		const program = `
			import {GreEndpoint} from '${new URL('../../lib/kernel/gre-endpoint.ts', import.meta.url).href}';
			import {openNamespace} from '${new URL('../../lib/kernel/namespace.ts', import.meta.url).href}';
			import {parseAddress} from '${new URL('../../lib/util/address.ts', import.meta.url).href}';
			const endpoint = await GreEndpoint.open();
			endpoint.add({namespace: openNamespace('${a.name}'), name: 'g', mode: 'layer3', local: parseAddress('192.0.2.1'), remote: parseAddress('192.0.2.2'), ttl: 255, mtu: 1400});
			console.log('made');
			${script}`;
		const {stdout, exitCode: code} = await execute([process.execPath, '--import=tsx', '--input-type=module', '--eval', program], {timeout: longPatience});
		t.is(stdout.trim(), 'made');
		t.is(code, exitCode);
		t.notRegex((await run(['ip', 'link'], {namespace: a})).stdout, /\bg\b/);
	});
}
