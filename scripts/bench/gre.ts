/**
TCP through GRE tunnels of our own, one stream between two namespaces, beside Open vSwitch's GRE in userspace and the link itself. Both ends of ours are in one thread, which shares the machine with iperf3.

	node --import tsx scripts/bench/gre.ts [--quick] [--runs N] [--json FILE]
*/
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {startService} from '../../lib/kernel/daemon.ts';
import {GreEndpoint} from '../../lib/kernel/gre-endpoint.ts';
import {type Namespace, createNamespaces, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {startOpenVswitch} from '../../lib/network/open-vswitch.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {type Row, median, progress, readOptions, report} from './report.ts';

const options = readOptions(5);
const seconds = options.quick ? 2 : 5;

/** One way from the first namespace to the second. */
type Way = {
	readonly name: string;
	/** @returns the address to measure to, and how to take the way away */
	readonly build: (ends: Ends) => Promise<{readonly to: string; readonly down: () => Promise<void>}>;
	/** Its processor time is this process's. */
	readonly isOurs: boolean;
};
type Ends = readonly [Namespace, Namespace];

const ways: readonly Way[] = [
	{name: 'the link itself', isOurs: false, build: async () => Promise.resolve({to: '192.0.2.2', down: async () => Promise.resolve()})},
	ours('GRE, layer 3', '10.0.0.2', 'layer3'),
	ours('GRE, layer 3, IPv6 inside', 'fd00::2', 'layer3'),
	ours('GRE, layer 2', '10.0.0.2', 'layer2'),
	{name: 'Open vSwitch in userspace, layer 2', isOurs: false, build: openVswitches},
];

report({'One TCP stream': await measureAll()}, options);

/** Ways take turns, so that what else the machine does hits all. */
async function measureAll(): Promise<Row[]> {
	const figures = ways.map(() => ({rates: [] as number[], costs: [] as number[]}));
	for (let round = 0; round < options.runs; round++) {
		for (const [index, way] of ways.entries()) {
			const {rate, cost} = await measure(way);
			progress(`${way.name}: ${rate.toFixed(2)} Gbit/s`);
			figures[index]?.rates.push(rate);
			figures[index]?.costs.push(cost);
		}
	}

	return ways.map(({name, isOurs}, index) => ({
		'way': name, 'Gbit/s': median(figures[index]?.rates ?? []),
		'its processor time, s for each Gbit': isOurs ? median(figures[index]?.costs ?? []) : undefined,
	}));
}

async function measure({build}: Way): Promise<{readonly rate: number; readonly cost: number}> {
	const ends = await buildLink();
	try {
		const {to, down} = await build(ends);
		try {
			await run(['ping', '-q', '-c1', '-w10', to], {namespace: ends[0]});
			return await throughput(ends, to);
		} finally {
			await down();
		}
	} finally {
		deleteNamespaces(ends);
	}
}

/** @returns Gbit/s received, and seconds of this process for each Gbit */
async function throughput([from, to]: Ends, address: string): Promise<{readonly rate: number; readonly cost: number}> {
	const server = await startService(['iperf3', '--server', '--one-off', '--forceflush'], /listening/, {namespace: to});
	try {
		const before = process.cpuUsage();
		const {stdout} = await run(['iperf3', '--client', address, '--time', String(seconds), '--json'], {namespace: from, timeout: 60_000});
		const {user, system} = process.cpuUsage(before);
		const {bytes, bits_per_second: rate} = (JSON.parse(stdout) as {readonly end: {readonly sum_received: {readonly bytes: number; readonly bits_per_second: number}}}).end.sum_received;
		return {rate: rate / 1e9, cost: (user + system) / 1e6 / (bytes * 8 / 1e9)};
	} finally {
		server.stop();
		await server.ended;
	}
}

async function buildLink(): Promise<Ends> {
	const [a, b] = createNamespaces([`bench-${process.pid}.a`, `bench-${process.pid}.b`]) as [Namespace, Namespace];
	await run(['ip', 'link', 'add', 'u', 'type', 'veth', 'peer', 'name', 'u', 'netns', b.name], {namespace: a});
	for (const [number, namespace] of [a, b].entries()) {
		await configure(namespace, ['link set lo up', 'link set u up', `address add 192.0.2.${number + 1}/24 dev u`]);
	}

	return [a, b];
}

function ours(name: string, to: string, mode: 'layer3' | 'layer2'): Way {
	return {name, isOurs: true, async build(ends) {
		const endpoint = await GreEndpoint.open();
		for (const [number, namespace] of ends.entries()) {
			endpoint.add({
				namespace, name: 'g', mode, ttl: 255, mtu: mode === 'layer3' ? 1476 : 1462,
				local: parseAddress(`192.0.2.${number + 1}`), remote: parseAddress(`192.0.2.${2 - number}`),
			});
			await configure(namespace, ['link set g up', `address add 10.0.0.${number + 1}/24 dev g`, `address add fd00::${number + 1}/64 dev g nodad`]);
		}

		return {to, down: async () => endpoint.close()};
	}};
}

/** One in each namespace, with a bridge that has the underlay's link and one that has the tunnel. */
async function openVswitches(ends: Ends): Promise<{readonly to: string; readonly down: () => Promise<void>}> {
	const undo: (() => Promise<void>)[] = [];
	for (const [number, namespace] of ends.entries()) {
		const directory = mkdtempSync(join(tmpdir(), 'bench-'));
		const {database, stop} = await startOpenVswitch({namespace, directory, onStart: () => undefined});
		undo.push(async () => {
			await stop();
			rmSync(directory, {recursive: true});
		});
		await configure(namespace, ['address flush dev u']);
		await run(['ovs-vsctl', `--db=unix:${database}`, 'add-br', 'under', '--', 'set', 'bridge', 'under', 'datapath_type=netdev', '--', 'add-port', 'under', 'u',
			'--', 'add-br', 'over', '--', 'set', 'bridge', 'over', 'datapath_type=netdev',
			'--', 'add-port', 'over', 'gre', '--', 'set', 'interface', 'gre', 'type=gre', `options:remote_ip=192.0.2.${2 - number}`], {namespace});
		await configure(namespace, ['link set under up', `address add 192.0.2.${number + 1}/24 dev under`, 'link set over mtu 1462', 'link set over up', `address add 10.0.0.${number + 1}/24 dev over`]);
	}

	return {to: '10.0.0.2', async down() {
		await Promise.all(undo.map(async step => step()));
	}};
}

async function configure(namespace: Namespace, lines: readonly string[]): Promise<void> {
	await run(['ip', '-batch', '-'], {namespace, input: lines.map(line => `${line}\n`).join('')});
}
