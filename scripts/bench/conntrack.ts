/**
What it costs a firewall to know 100,000 connections, in memory and in processor time for each packet, beside rules that know none.

	node --import tsx scripts/bench/conntrack.ts [--quick] [--runs N] [--json FILE]
*/
import {readFileSync, readdirSync} from 'node:fs';
import {setImmediate} from 'node:timers/promises';
import {Lab, Topology, parseAddress} from '../../lib/index.ts';
import {inside} from '../../lib/kernel/namespace.ts';
import {PacketSocket} from '../../lib/kernel/packet-socket.ts';
import {getSysctl, setSysctl} from '../../lib/kernel/sysctl.ts';
import {ipFrame} from '../../lib/probes/frame.ts';
import {udp} from '../../lib/probes/packet.ts';
import {type Row, median, progress, readOptions, report} from './report.ts';

const options = readOptions(5);
const connections = options.quick ? 2000 : 100_000;
/** Later packets of each connection. */
const rounds = 3;
/** Packets between two turns of the event loop. */
const burst = 1000;
/** Where the packets go: h2 gets them and, being no router, drops them without an answer. */
const target = '10.0.9.1';
/** Of an Ethernet frame with IPv4: where the ports stand, and the checksum, which is 0 where there is none (RFC 768). */
const at = {sport: 34, dport: 36, checksum: 40} as const;
const firstPort = 1024;
const portsOfAHost = 50_000;

type Variant = {readonly rules: string; readonly policy: readonly string[]; readonly perimeter: boolean; readonly tracks: boolean};

const variants: readonly Variant[] = [
	{rules: 'none: a router', policy: [], perimeter: false, tracks: true},
	{rules: 'stateless, and the kernel told not to track', policy: [`secrule add allow h1 to ${target} udp stateless`], perimeter: true, tracks: false},
	{rules: 'stateless', policy: [`secrule add allow h1 to ${target} udp stateless`], perimeter: true, tracks: true},
	{rules: 'stateful', policy: [`secrule add allow h1 to ${target} udp`], perimeter: true, tracks: true},
];

class Gate extends Topology {
	override readonly policy: readonly string[];
	readonly #perimeter: boolean;

	constructor({policy, perimeter}: Variant) {
		super();
		this.policy = policy;
		this.#perimeter = perimeter;
	}

	override build(): void {
		const fw = this.addRouter('fw', {perimeter: this.#perimeter, routes: [{to: '10.0.9.0/24', via: '10.0.2.2'}]});
		this.addLink(this.addHost('h1', {ip: '10.0.1.1/24'}), fw.interface({ip: '10.0.1.254/24'}));
		this.addLink(this.addHost('h2', {ip: '10.0.2.2/24'}), fw.interface({ip: '10.0.2.254/24'}));
	}
}

type Figures = {readonly known: number; readonly bytes: number; readonly first: number; readonly later: number; readonly passed: number};

/** The kernel's threads for what is left over of network traffic, one for each processor. */
const forwarders = readdirSync('/proc').filter(name => /^\d+$/.test(name) && nameOf(name).startsWith('ksoftirqd/'));

report({[`${connections} connections, ${rounds} later packets of each`]: await measureAll()}, options);

/** The variants take turns, so that what else the machine does meets them alike. */
async function measureAll(): Promise<Row[]> {
	const room = Number(getSysctl('net/netfilter/nf_conntrack_max'));
	if (room < connections) {
		throw new TypeError(`The kernel keeps ${room} connections at most, for all namespaces together: sysctl -w net.netfilter.nf_conntrack_max=${2 * connections}`);
	}

	const taken = variants.map(() => [] as Figures[]);
	for (let run = 0; run < options.runs; run++) {
		for (const [index, variant] of variants.entries()) {
			taken[index]?.push(await measure(variant));
			progress(`run ${run + 1}, ${variant.rules}: ${JSON.stringify(taken[index]?.at(-1))}`);
		}
	}

	return variants.map(({rules}, index) => rowOf(rules, taken[index] ?? [], taken[0] ?? []));
}

function rowOf(rules: string, figures: readonly Figures[], base: readonly Figures[]): Row {
	const middle = (key: keyof Figures, of = figures) => median(of.map(each => each[key])) ?? NaN;
	return {
		rules,
		'known': middle('known'),
		'MB': middle('bytes') / 1e6,
		'passed': `${(100 * middle('passed')).toFixed(1)} %`,
		'µs, first packet': middle('first'),
		'more than a router': middle('first') - middle('first', base),
		'µs, later packet': middle('later'),
		'more than a router ': middle('later') - middle('later', base),
	};
}

async function measure(variant: Variant): Promise<Figures> {
	await using lab = await Lab.up(new Gate(variant), {name: `bench-${process.pid}`, arp: true});
	const {namespace} = lab.node('fw');
	if (!variant.tracks) {
		await lab.run('fw iptables -t raw -A PREROUTING -j CT --notrack');
	}

	// So that none is forgotten before all are made, on a slow machine too.
	inside(namespace, () => {
		if (variant.perimeter) {
			setSysctl('net/netfilter/nf_conntrack_udp_timeout', 3600);
		}
	});
	const before = trackedBytes();
	const first = await send(lab, 1);
	const known = inside(namespace, () => Number(getSysctl('net/netfilter/nf_conntrack_count')));
	const bytes = Math.max(0, trackedBytes() - before);
	const later = await send(lab, rounds);
	return {known, bytes, first, later, passed: arrivals(lab) / ((1 + rounds) * connections)};
}

/** Empty for a process that has just ended. */
function nameOf(pid: string): string {
	try {
		return readFileSync(`/proc/${pid}/comm`, 'utf8');
	} catch {
		return '';
	}
}

/** One packet of each connection, as often as told. @returns microseconds of processor time for each packet */
async function send(lab: Lab, times: number): Promise<number> {
	const [from] = lab.node('h1').interfaces;
	const [to] = lab.node('fw').interfaces;
	if (!from || !to) {
		throw new TypeError('The bench has lost its links.');
	}

	const frame = ipFrame({mac: from.mac, address: parseAddress('10.0.1.1')}, {mac: to.mac, address: parseAddress(target)}, udp([0, 0], Buffer.alloc(64)));
	frame.writeUInt16BE(0, at.checksum);
	const socket = new PacketSocket(lab.node('h1').namespace);
	const begin = processorTime();
	for (let count = 0; count < times * connections; count++) {
		const connection = count % connections;
		frame.writeUInt16BE(firstPort + (connection % portsOfAHost), at.sport);
		frame.writeUInt16BE(firstPort + Math.floor(connection / portsOfAHost), at.dport);
		const errno = socket.send(frame, from.index);
		if (errno !== undefined) {
			throw new TypeError(`A packet could not be sent: ${errno}`);
		}

		if (count % burst === 0) {
			await setImmediate();
		}
	}

	const took = processorTime() - begin;
	socket.close();
	return took / (times * connections);
}

/** Microseconds up to now. The kernel forwards a packet while it is sent, in this process's time, or on a busy machine a little later, in the time of its own threads. */
function processorTime(): number {
	const {user, system} = process.cpuUsage();
	return user + system + forwarders.reduce((sum, pid) => sum + (Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000), 0);
}

/** Packets that came to h2, by its interface's own count (/proc/net/dev, whose second number it is). */
function arrivals(lab: Lab): number {
	const {namespace, interfaces: [first]} = lab.node('h2');
	const text = inside(namespace, () => readFileSync('/proc/thread-self/net/dev', 'utf8'));
	const line = text.split('\n').find(each => each.trim().startsWith(`${first?.name ?? ''}:`)) ?? '';
	return Number(line.trim().split(/[:\s]+/)[2]);
}

/** Bytes of all connections that the kernel knows, by its own books (slabinfo(5)): objects in use, and the size of one. */
function trackedBytes(): number {
	const [, active, size] = /^nf_conntrack +(\d+) +\d+ +(\d+)/m.exec(readFileSync('/proc/slabinfo', 'utf8')) ?? [];
	return Number(active) * Number(size);
}
