/** The words of scenario tests: who reaches whom, what stays open, what is cut, what loses nothing. All of it on real packets. */
import {setTimeout} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {observedWords, parseExpectation, words} from '../../lib/contract/expectation.ts';
import {Lab, type LabOptions, type Topology, pingAll, probeAll} from '../../lib/index.ts';
import {type Service, startService} from '../../lib/kernel/daemon.ts';
import {uniqueName} from './names.ts';
import {longPatience, patience, pingPatience} from './patience.ts';

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

/** Answers still come: at least ten more within a second. */
export async function staysOpen(stream: Stream): Promise<boolean> {
	return await answersWithin(stream, 1000) >= 10;
}

/** A second after the change no answer comes any more. */
export async function isCut(stream: Stream): Promise<boolean> {
	await setTimeout(1000);
	return await answersWithin(stream, 500) === 0;
}

async function answersWithin(stream: Stream, ms: number): Promise<number> {
	const before = stream.count();
	await setTimeout(ms);
	return stream.count() - before;
}

export type PingCount = {readonly sent: number; readonly received: number};

/** Pings every 2 ms from `a` to `b` while the work goes on. */
export async function pingDuring(lab: Lab, a: string, b: string, work: () => Promise<void>): Promise<PingCount> {
	const ping = await startService(['ping', '-i', '0.002', lab.node(b).address ?? ''], /bytes from/, {namespace: lab.node(a).namespace});
	await work();
	ping.stop('SIGINT');
	const {stdout} = await ping.ended;
	const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
	return {sent: Number(sent), received: Number(received)};
}

/** The last request may still be on its way when ping is stopped. */
export function losesNothing({sent, received}: PingCount): boolean {
	return sent > 0 && sent - received <= 1;
}
