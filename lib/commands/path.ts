/** `path SRC DST`: every hop of an echo and of its answer, where and why one of them dies, and whether the network agrees. */
import type {Lab} from '../lab.ts';
import {livePaths} from '../network/live-plan.ts';
import type {ProbeResult} from '../probes/round.ts';
import type {TunnelPlan} from '../topology/blueprint.ts';
import type {Hop} from '../topology/paths.ts';
import {type Address, formatAddress} from '../util/address.ts';
import {specialKind} from '../util/special-address.ts';
import {columns} from '../util/columns.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {type End, endsOf, takeEnd} from './explain-case.ts';
import {packetFor} from './inquiry.ts';
import {lookUntilSure} from './looking.ts';
import {type PathCheck, checkWays} from './path-check.ts';
import {type PathDeathReason, type Way, type Ways, waysOf} from './path-ways.ts';

export type {PathDeathReason} from './path-ways.ts';

export type PathHop = {
	readonly node: string;
	/** Interface it comes in by; absent where the way begins. */
	readonly in?: string;
	/** The tunnel it came through. */
	readonly via?: TunnelPlan['via'];
	/** When it comes in; where the way begins, as it is sent. */
	readonly ttl: number;
	/** Interface by which a host or router sends it on. */
	readonly out?: string;
	/** Whose MAC address is asked for then: a router's, or the destination's. */
	readonly nextHop?: string;
	/** Address from which the node said that a packet's TTL ran out there. */
	readonly answered?: string;
};

export type PathDeath = {
	readonly node: string;
	readonly reason: PathDeathReason;
	readonly text: string;
};

export type PathWay = {
	readonly hops: readonly PathHop[];
	/** Absent when the packet arrives. */
	readonly death?: PathDeath;
};

export type PathResult = {
	readonly source: string;
	readonly destination: string;
	/** The way of the echo. */
	readonly there: PathWay;
	/** The way of the answer; absent when there is none. */
	readonly back?: PathWay;
	/** Whether the answer comes. */
	readonly answered: boolean;
	/** What a real echo has met. */
	readonly probe?: {readonly verdict: ProbeResult['verdict']; readonly reason: string};
};

type Input = {readonly from: End; readonly to: End; readonly isStatic: boolean};

export const pathCommand: Command<Input, PathResult> = {
	name: 'path',
	usage: 'path SRC DST [--static]',
	summary: 'every hop of a ping and of its answer, and where and why one of them dies',
	details: [
		'SRC and DST are nodes or addresses; SRC must be in the lab. Routes, rules, neighbors and settings are read from the kernels as they are now, and firewalls are judged by the policy.',
		'Then real packets are sent, with every TTL on the way; when the network does something else, even after a while, the line fails. --static sends none.',
		'The line fails too when the echo is not answered.',
	].join('\n'),
	read(reader, scene) {
		const [from, to] = [takeEnd(reader, scene), takeEnd(reader, scene)];
		const isStatic = reader.optional(['--static']) !== undefined;
		reader.finish();
		return {from, to, isStatic};
	},
	async run(lab, input, {signal}) {
		const look = await lookUntilSure(async () => lookAt(lab, input, signal), ({check}) => !check || check.differences.length === 0);
		refuseDifferences(look);
		return resultOf(look);
	},
	text: pathText,
	ok: ({answered}) => answered,
};

/** What is known of a path at one moment. */
type Look = {readonly source: Address; readonly destination: Address; readonly ways: Ways; readonly check: PathCheck | undefined};

/** @throws InputError `no-way` */
async function lookAt(lab: Lab, {from, to, isStatic}: Input, signal: AbortSignal): Promise<Look> {
	refuseSpecial(lab, [from, to]);
	const paths = livePaths(lab.network);
	const [sender, receiver] = [from, to].map(end => 'node' in end ? lab.network.node(end.node).plan : paths.ownerOf(end.address));
	if (!sender) {
		throw new InputError('no-way', `${'address' in from ? formatAddress(from.address) : from.node} is nobody's address in this lab: nobody knows where its packets come in.`);
	}

	const [source, destination] = endsOf(paths, from, to, sender, receiver);
	const packet = packetFor({protocol: 'icmp'}, source, destination, 0);
	const ways = waysOf(lab, paths, sender, receiver, packet);
	const check = isStatic ? undefined : await checkWays(lab, paths, ways, {from: sender.name, to: receiver?.name, packet}, signal);
	return {source, destination, ways, check};
}

/** What nobody has for its own has no path of its own. */
function refuseSpecial({network: {blueprint}}: Lab, ends: readonly End[]): void {
	const around = [...blueprint.nodes.values()].flatMap(({interfaces}) => interfaces.flatMap(({addresses}) => addresses));
	for (const {address} of ends.filter(end => 'address' in end)) {
		const what = specialKind(address, around);
		if (what !== undefined) {
			throw new InputError('no-way', `${formatAddress(address)} is ${what}: a path leads from one node to another. Write a node, or an address that one node has.`);
		}
	}
}

/** @throws SecureNetError `disagreement` */
function refuseDifferences(look: Look): void {
	const {ways, check} = look;
	if (check && check.differences.length > 0) {
		throw new SecureNetError('disagreement', [
			'Configuration and network disagree.',
			`  configuration: ${endText(ways.there.death, ways.back?.death)}`,
			...check.differences.map(difference => `  network: ${difference}`),
			...hopLines(resultOf(look)),
		].join('\n'));
	}
}

function resultOf({source, destination, ways: {there, back}, check}: Look): PathResult {
	return {
		source: formatAddress(source),
		destination: formatAddress(destination),
		there: wayOf(there, check?.trace),
		...back ? {back: wayOf(back)} : {},
		answered: back !== undefined && !back.death,
		...check?.probe ? {probe: {verdict: check.probe.verdict, reason: check.probe.reason}} : {},
	};
}

function wayOf({hops, death}: Way, trace: PathCheck['trace'] = []): PathWay {
	return {hops: hops.map(hop => hopOf(hop, trace)), ...death ? {death} : {}};
}

function hopOf({node, arrival, ttl, departure}: Hop, trace: PathCheck['trace']): PathHop {
	const answered = arrival && trace.find(each => each.node === node.name)?.answered;
	return {
		node: node.name,
		...arrival ? {in: arrival.by.name} : {},
		...arrival?.tunnel ? {via: arrival.tunnel.via} : {},
		ttl,
		...departure ? {out: departure.by.name, nextHop: formatAddress(departure.next)} : {},
		...answered ? {answered: formatAddress(answered)} : {},
	};
}

function pathText(result: PathResult): string {
	const {there, back, probe} = result;
	return [...hopLines(result), `${endText(there.death, back?.death)}${probe ? ` The network agrees: ${probe.reason}.` : ''}`].join('\n');
}

function hopLines({source, destination, there, back}: PathResult): string[] {
	const hops = [...there.hops, ...back?.hops ?? []].map(hopCells);
	const lines = columns(hops).split('\n');
	return [
		`echo ${source} > ${destination}`,
		...lines.slice(0, there.hops.length),
		...back ? ['answer', ...lines.slice(there.hops.length)] : [],
	];
}

function hopCells({node, in: by = '', via, ttl, out, nextHop, answered}: PathHop): string[] {
	return [`  ${node}`, via === undefined ? by : `${by} via ${via}`, `ttl ${ttl}`, out === undefined ? '' : `> ${out}`, nextHop === undefined ? '' : `to ${nextHop}`, answered === undefined ? '' : `answers from ${answered}`];
}

function endText(there: PathDeath | undefined, back: PathDeath | undefined): string {
	const [what, death] = there ? ['The echo', there] : ['The answer', back];
	return death ? `${what} dies at ${death.node}: ${death.text}${death.text.endsWith('.') ? '' : '.'}` : 'The echo is answered.';
}
