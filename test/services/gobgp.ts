/** gobgpd: told over its socket, heard by its neighbor, and its end is an error, never a wait. */
import {EventEmitter, once} from 'node:events';
import {type FSWatcher, readdirSync, readFileSync, rmSync, watch} from 'node:fs';
import type {ExecutionContext} from 'ava';
import {type RunningProgram, isAlive} from '../../lib/kernel/daemon.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {Gobgp} from '../../lib/services/gobgp.ts';
import type {BgpPath} from '../../lib/services/gobgp-path.ts';
import {formatAddress, formatPrefix, parseAddress, parsePrefix} from '../../lib/util/address.ts';
import {testDirectory, testNamespaces} from '../helpers/fabric.ts';
import {needing} from '../helpers/needing.ts';
import {longPatience, patience} from '../helpers/patience.ts';

const withGobgp = await needing('gobgpd');

type Speaker = {readonly gobgp: Gobgp; readonly program: RunningProgram; readonly events: EventEmitter; readonly best: Map<string, BgpPath>; readonly sessions: Map<string, string>};

/** Daemons in a row, neighbors linked by 10.N.0.0/24 and fdN::/64. */
async function speakers(t: ExecutionContext, ...numbers: readonly number[]): Promise<Speaker[]> {
	const namespaces = testNamespaces(...numbers.map((_, index) => `bgp${index + 1}`));
	const directory = testDirectory();
	const made: Speaker[] = [];
	t.teardown(async () => {
		await Promise.all(made.map(async ({gobgp}) => gobgp.stop()));
		deleteNamespaces(namespaces);
		rmSync(directory, {recursive: true});
	});
	for (const [index, namespace] of namespaces.slice(1).entries()) {
		await link(namespaces[index] as Namespace, namespace, index + 1);
	}

	for (const [index, namespace] of namespaces.entries()) {
		let program: RunningProgram | undefined;
		const gobgp = await Gobgp.start({node: `r${index + 1}`, namespace, directory, as: numbers[index] ?? 0, routerId: `1.1.1.${index + 1}`, onStart: begun => {
			program = begun;
		}});
		made.push(hear(gobgp, program as RunningProgram));
	}

	return made;
}

async function link(a: Namespace, b: Namespace, number: number): Promise<void> {
	await run(['ip', '-n', a.name, 'link', 'add', `to${number + 1}`, 'type', 'veth', 'peer', 'name', `to${number}`, 'netns', b.name]);
	for (const [namespace, name, end] of [[a, `to${number + 1}`, 1], [b, `to${number}`, 2]] as const) {
		await run(['ip', '-n', namespace.name, 'link', 'set', name, 'up']);
		await run(['ip', '-n', namespace.name, 'address', 'add', `10.${number}.0.${end}/24`, 'dev', name]);
		await run(['ip', '-n', namespace.name, 'address', 'add', `fd0${number}::${end}/64`, 'dev', name, 'nodad']);
	}
}

function hear(gobgp: Gobgp, program: RunningProgram): Speaker {
	const speaker = {gobgp, program, events: new EventEmitter(), best: new Map<string, BgpPath>(), sessions: new Map<string, string>()};
	gobgp.watch({
		best(changes) {
			for (const {path, withdrawn} of changes) {
				if (withdrawn) {
					speaker.best.delete(formatPrefix(path.to));
				} else {
					speaker.best.set(formatPrefix(path.to), path);
				}
			}

			speaker.events.emit('change');
		},
		session(neighbor, state) {
			speaker.sessions.set(formatAddress(neighbor), state);
			speaker.events.emit('change');
		},
		lost: () => undefined,
	});
	return speaker;
}

async function until({events}: Speaker, isSo: () => boolean): Promise<void> {
	const signal = AbortSignal.timeout(longPatience);
	while (!isSo()) {
		await once(events, 'change', {signal});
	}
}

/** Both sides of a session over link `number`, of both families. */
async function pair(a: Speaker, b: Speaker, number: number, client = false): Promise<void> {
	for (const [own, other, end] of [[a, b, 1], [b, a, 2]] as const) {
		for (const net of [`10.${number}.0.`, `fd0${number}::`]) {
			await own.gobgp.addNeighbor({address: parseAddress(`${net}${3 - end}`), localAddress: parseAddress(`${net}${end}`), as: other.gobgp.as, holdTime: 9, client: client && own === a});
		}
	}
}

withGobgp('what one announces its neighbor hears, of both families, with all that belongs to it, until it is withdrawn', async t => {
	const [a, b] = await speakers(t, 65_000, 65_000) as [Speaker, Speaker];
	await pair(a, b, 1);
	await a.gobgp.announce([{to: parsePrefix('20.0.0.1/32')}, {to: parsePrefix('20.1.0.0/16'), localPreference: 150}, {to: parsePrefix('fd20::1/128')}]);
	await until(b, () => b.best.size === 3);
	const shown = (path: BgpPath | undefined) => path && [formatAddress(path.nextHop), path.asPath, path.localPreference, path.neighbor && formatAddress(path.neighbor), path.best];
	const paths = new Map((await b.gobgp.paths()).map(path => [formatPrefix(path.to), path]));
	t.deepEqual(shown(paths.get('20.0.0.1')), ['10.1.0.1', [], 100, '10.1.0.1', true]);
	t.deepEqual(shown(paths.get('20.1.0.0/16')), ['10.1.0.1', [], 150, '10.1.0.1', true]);
	t.deepEqual(shown(paths.get('fd20::1')), ['fd01::1', [], 100, 'fd01::1', true]);
	t.deepEqual((await b.gobgp.paths(parseAddress('fd01::1'))).map(({to}) => formatPrefix(to)), ['fd20::1']);
	t.deepEqual((await a.gobgp.paths()).map(path => [formatAddress(path.nextHop), path.neighbor]), [['0.0.0.0', undefined], ['0.0.0.0', undefined], ['::', undefined]]);
	const [neighbor] = (await b.gobgp.neighbors()).filter(({address}) => address.family === 4);
	t.deepEqual([neighbor?.state, neighbor?.as, neighbor?.holdTime, neighbor?.received, neighbor?.advertised], ['established', 65_000, 9, 2, 0]);
	t.true((neighbor?.uptime ?? NaN) >= 0);

	await a.gobgp.withdraw([{to: parsePrefix('20.0.0.1/32')}, {to: parsePrefix('fd20::1/128')}, {to: parsePrefix('99.0.0.0/8')}]);
	await until(b, () => b.best.size === 1);
	await b.gobgp.removeNeighbor(parseAddress('10.1.0.1'));
	await until(b, () => b.best.size === 0);
	t.is((await b.gobgp.neighbors()).length, 1);
});

withGobgp('another AS is passed on with its number; a route reflector passes on what its clients tell', async t => {
	const [outside, client, reflector, other] = await speakers(t, 65_001, 65_000, 65_000, 65_000) as [Speaker, Speaker, Speaker, Speaker];
	await pair(outside, client, 1);
	await pair(client, reflector, 2);
	await pair(reflector, other, 3, true);
	await reflector.gobgp.updateNeighbor({address: parseAddress('10.2.0.1'), localAddress: parseAddress('10.2.0.2'), as: 65_000, holdTime: 9, client: true});
	await outside.gobgp.announce([{to: parsePrefix('20.0.0.0/24')}]);
	await client.gobgp.announce([{to: parsePrefix('30.0.0.1/32')}]);
	await until(other, () => other.best.size === 2);
	const [foreign, own] = ['20.0.0.0/24', '30.0.0.1'].map(to => other.best.get(to));
	t.deepEqual(foreign?.asPath, [65_001]);
	t.is(foreign && formatAddress(foreign.nextHop), '10.1.0.1');
	t.deepEqual([own?.asPath, own && formatAddress(own.nextHop), own?.originator], [[], '10.2.0.1', '1.1.1.2']);
});

withGobgp('one that is killed is told of with the end of its log, its calls fail with the same words, and its neighbor withdraws', async t => {
	const [a, b] = await speakers(t, 65_000, 65_000) as [Speaker, Speaker];
	await pair(a, b, 1);
	await a.gobgp.announce([{to: parsePrefix('20.0.0.1/32')}]);
	await until(b, () => b.best.size === 1);
	process.kill(a.program.pid, 'SIGKILL');
	const waiting = t.throwsAsync(a.gobgp.neighbors(), {code: 'gobgp'});
	const died = await a.gobgp.died;
	t.regex(died.message, /^gobgpd of r1 ended unexpectedly \(SIGKILL\)\. The end of its log \/.*\/r1\.log:\n.*gobgpd started/s);
	t.regex((await waiting).message, /^gobgpd of r1 /);
	await t.throwsAsync(a.gobgp.announce([{to: parsePrefix('20.0.0.2/32')}]), {code: 'gobgp'});
	// At once: the kernel closes its connections. A neighbor that is cut off is believed for the hold time.
	await until(b, () => b.best.size === 0);
	t.is(b.best.size, 0);
});

withGobgp('refusals are gobgpd\'s own words; a daemon that is stopped leaves nothing, and twice is fine', async t => {
	const [a] = await speakers(t, 65_000) as [Speaker];
	const neighbor = {address: parseAddress('10.1.0.2'), localAddress: parseAddress('10.1.0.1'), as: 65_000, holdTime: 9};
	await a.gobgp.addNeighbor(neighbor);
	const refused = await t.throwsAsync(a.gobgp.addNeighbor(neighbor), {code: 'gobgp'});
	t.regex(refused.message, /^gobgpd of r1 refused AddPeer: .*can't overwrite the existing peer/);
	const {pid, startTime} = a.program;
	t.true(isAlive(pid, startTime));
	await a.gobgp.stop();
	await a.gobgp.stop();
	t.false(isAlive(pid, startTime));
	await t.throwsAsync(a.gobgp.neighbors(), {code: 'gobgp', message: 'gobgpd of r1 has been stopped, so it cannot be asked for ListPeer.'});
});

withGobgp('one that does not start says why, and a path that is too long for a socket is refused', async t => {
	const [namespace] = testNamespaces('bgp1') as [Namespace];
	const directory = testDirectory();
	t.teardown(() => {
		deleteNamespaces([namespace]);
		rmSync(directory, {recursive: true});
	});
	await t.throwsAsync(Gobgp.start({node: 'r'.repeat(100), namespace, directory, as: 65_000, routerId: '1.1.1.1'}), {code: 'socket-path'});
	const error = await t.throwsAsync(Gobgp.start({node: 'r1', namespace, directory, as: 65_000, routerId: 'nonsense'}), {code: 'gobgp'});
	t.regex(error.message, /^gobgpd of r1 refused StartBgp: /);
	t.deepEqual(readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && commandLine(pid).includes(directory)), []);
});

withGobgp('one that is only late is ended', async t => {
	const [namespace] = testNamespaces('bgp1') as [Namespace];
	const directory = testDirectory();
	t.teardown(() => {
		deleteNamespaces([namespace]);
		rmSync(directory, {recursive: true});
	});
	let program: RunningProgram | undefined;
	await t.throwsAsync(Gobgp.start({node: 'r1', namespace, directory, as: 65_000, routerId: '1.1.1.1', onStart: begun => {
		program = begun;
		process.kill(begun.pid, 'SIGSTOP');
	}}), {code: 'gobgp', message: /^gobgpd of r1 did not start within 10 s\./});
	t.truthy(program);
	t.false(program && isAlive(program.pid, program.startTime));
});

/** Starts one that gets a signal as soon as it has its socket. Returns what is told of it, and whether it still runs then. */
async function signalled(t: ExecutionContext, signal: 'SIGKILL' | 'SIGSTOP', callLimit?: number): Promise<{readonly message: string; readonly runs: boolean}> {
	const [namespace] = testNamespaces('bgp1') as [Namespace];
	const directory = testDirectory();
	const runs = () => program !== undefined && isAlive(program.pid, program.startTime);
	let program: RunningProgram | undefined;
	let watcher: FSWatcher | undefined;
	t.teardown(() => {
		watcher?.close();
		if (program && runs()) {
			process.kill(program.pid, 'SIGKILL');
		}

		deleteNamespaces([namespace]);
		rmSync(directory, {recursive: true});
	});
	const error = await t.throwsAsync(Gobgp.start({node: 'r1', namespace, directory, as: 65_000, routerId: '1.1.1.1', callLimit, onStart(begun) {
		program = begun;
		watcher = watch(directory, (_event, name) => {
			if (name === 'r1.sock' && runs()) {
				process.kill(begun.pid, signal);
			}
		});
	}}), {code: 'gobgp'});
	return {message: error.message, runs: runs()};
}

withGobgp('one that ends as soon as it has its socket is not waited for, and its log is told', async t => {
	const {message} = await signalled(t, 'SIGKILL');
	t.regex(message, /^gobgpd of r1 ended (?:unexpectedly|at once) \(SIGKILL\)\. (?:The end of its|Its) log /);
});

withGobgp('one that has its socket and does not answer is ended', async t => {
	const {message, runs} = await signalled(t, 'SIGSTOP', 1000 * patience);
	t.regex(message, /^gobgpd of r1 did not answer /);
	t.false(runs);
});

function commandLine(pid: string): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
	} catch {
		return '';
	}
}
