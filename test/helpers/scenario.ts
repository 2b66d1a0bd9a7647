/** The words of scenario tests: who reaches whom, what stays open, what is cut, what loses nothing. All of it on real packets. */
import type {ExecutionContext} from 'ava';
import {observedWords, parseExpectation, words} from '../../lib/contract/expectation.ts';
import {Lab, type LabOptions, type Topology, pingAll, probeAll} from '../../lib/index.ts';
import {type Service, startService} from '../../lib/kernel/daemon.ts';
import {eventually} from './eventually.ts';
import {PingStream} from '../../lib/probes/ping-stream.ts';
import {uniqueName} from './names.ts';
import {longPatience, patience, pingPatience} from './patience.ts';
import {quietFor} from './quiet.ts';

export async function labOf(t: ExecutionContext, topology: Topology, options: LabOptions = {}): Promise<Lab> {
	const lab = await Lab.up(topology, {name: uniqueName(), ...options});
	t.teardown(async () => lab.down());
	return lab;
}

/** All pairs that a ping crosses, as `h10>h11`, sorted. */
export async function openPairs(lab: Lab): Promise<string[]> {
	const hosts = [...lab.inventory.hosts.keys()];
	const {lost} = await pingAll(lab.network, {timeout: pingPatience});
	const closed = new Set(lost.map(([a, b]) => `${a}>${b}`));
	return hosts.flatMap(a => hosts.filter(b => b !== a).map(b => `${a}>${b}`)).filter(pair => !closed.has(pair)).sort();
}

export async function connects(lab: Lab, a: string, b: string): Promise<boolean> {
	const {received} = await pingAll(lab.network, {pairs: [[a, b]], timeout: pingPatience});
	return received === 1;
}

export async function isBlocked(lab: Lab, a: string, b: string): Promise<boolean> {
	return !await connects(lab, a, b);
}

/** Milliseconds: what is allowed may take its time on a busy machine, and mostly takes none; what is blocked always takes all of it. */
const limits = {allowed: 2000 * patience, blocked: 300 * patience} as const;

/** Real probes many at once, first those that must pass, written as drivers' cases are: `+ h1 > h2 tcp 80` is answered, `-` does not arrive, of `~` the answer does not. */
export async function probes(t: ExecutionContext, lab: Lab, texts: readonly string[], family?: 4 | 6): Promise<void> {
	const all = texts.map(parseExpectation);
	for (const passing of [true, false]) {
		const part = all.filter(({sign}) => (sign === '+') === passing);
		const results = await probeAll(lab.network, part.map(({probe}) => ({...probe, ...family === undefined ? {} : {family}})), {timeout: passing ? limits.allowed : limits.blocked});
		t.deepEqual(results.map((result, index) => `${part[index]?.text ?? ''}: ${observedWords(result)}`), part.map(({text, sign}) => `${text}: ${words[sign]}`));
	}
}

/** A stream of answers that a client in `a` gets from a server in `b`, over one connection. */
export type Stream = {
	/** Answers up to now. */
	readonly count: () => number;
	readonly stop: () => Promise<void>;
};

const kinds = {
	tcp: {server: 'tcp-server.mjs', client: 'tcp-client.mjs'},
	udpBackwards: {server: 'udp-flood-server.mjs', client: 'udp-client.mjs'},
} as const;

export async function openStream(t: ExecutionContext, lab: Lab, kind: keyof typeof kinds, a: string, b: string, port = 5000): Promise<Stream> {
	const {server, client} = kinds[kind];
	const [from, to] = [lab.node(a), lab.node(b)];
	const serving = await startService([process.execPath, `test/fixtures/${server}`, String(port)], /listening/, {namespace: to.namespace, timeout: longPatience});
	t.teardown(async () => stop(serving));
	const asking = await startService([process.execPath, `test/fixtures/${client}`, to.address ?? '', String(port)], /\./, {namespace: from.namespace, timeout: longPatience});
	t.teardown(async () => stop(asking));
	return {count: () => asking.written().split('\n').filter(line => line === '.').length, stop: async () => stop(asking)};
}

async function stop(service: Service): Promise<void> {
	service.stop('SIGKILL');
	await service.ended;
}

/** Answers still come: ten more, however long a busy machine takes for them. */
export async function staysOpen(stream: Stream): Promise<boolean> {
	const wanted = stream.count() + 10;
	return eventually(() => stream.count() >= wanted);
}

/** A second after the change no answer comes any more: a client hears one every few milliseconds, and TCP repeats what was lost after 200. */
export async function isCut(stream: Stream): Promise<boolean> {
	await quietFor(1000);
	const before = stream.count();
	await quietFor(500);
	return stream.count() === before;
}

export type PingCount = {readonly sent: number; readonly received: number};

/** Pings every 2 ms from `a` to `b` while the work goes on; the answers to the last of them are waited for. */
export async function pingDuring(lab: Lab, a: string, b: string, work: () => Promise<void>): Promise<PingCount> {
	using ping = await PingStream.open(lab.network, {from: a, to: b});
	await work();
	const {sent, unsent, answered} = await ping.stop(limits.allowed);
	return {sent: sent + unsent.length, received: answered};
}

export function losesNothing({sent, received}: PingCount): boolean {
	return sent > 0 && received === sent;
}
