/** `matrix`: between which hosts a service passes, by the policy and by real packets, side by side. */
import {forgetOn} from '../drivers/tracked.ts';
import type {Lab} from '../lab.ts';
import {livePaths} from '../network/live-plan.ts';
import {ovsDirectory} from '../network/paths.ts';
import {isAnswered} from '../policy/answers.ts';
import {type Packet, evaluator} from '../policy/evaluate.ts';
import {straysOf} from '../policy/strays.ts';
import type {ProbeResult} from '../probes/round.ts';
import {columns} from '../util/columns.ts';
import {sortNames} from '../util/names.ts';
import type {Command} from './command.ts';
import {type Inquiry, inquiryText, inquiryUsage, packetFor, probeFor, sourcePort, takeInquiry} from './inquiry.ts';
import {hostNames} from './pingall.ts';

/** `failed`: there is no way between the two, or it cannot be said. */
export type MatrixVerdict = ProbeResult['verdict'];

export type MatrixPair = {
	readonly from: string;
	readonly to: string;
	readonly expected: MatrixVerdict;
	readonly observed: MatrixVerdict;
	/** What was seen, where that is not what was expected. */
	readonly reason?: string;
};

/** All pairs of hosts, in natural order. */
export type MatrixResult = {readonly service: string; readonly pairs: readonly MatrixPair[]};

/** More hosts than these do not fit a screen. */
const widest = 30;
const mark = {allowed: '.', blocked: 'x', failed: '?', differs: '!', self: '-'} as const;
const legend = `${mark.allowed} allowed   ${mark.blocked} blocked   ${mark.differs} not as the policy says   ${mark.failed} no way between them`;

export const matrixCommand: Command<Inquiry, MatrixResult> = {
	name: 'matrix',
	usage: `matrix [${inquiryUsage}]`,
	summary: 'which hosts a service passes between, by the policy and by real packets',
	details: 'A service passes when the request and its answer do. Without a word it is icmp: an echo. The line fails when a pair is not as the policy says. Where the two directions of a pair are one connection (sport is the port, or of a protocol whose ports firewalls do not tell), each is asked as if nothing had passed before: firewalls forget what they track of it, connections of others between the same addresses and ports included.',
	read(reader) {
		const inquiry = takeInquiry(reader) ?? {protocol: 'icmp'};
		reader.finish();
		return inquiry;
	},
	async run(lab, inquiry, {signal}) {
		const pairs = expectedPairs(lab, inquiry);
		const {probeAll} = await import('../probes/round.ts');
		const results = await probeAll(lab.network, pairs.flatMap(({probe}) => probe ?? []), {signal, forget: async () => forget(lab, pairs.flatMap(({packet}) => packet ?? []))});
		const observed = new Map(results.map(result => [result.probe, result]));
		return {service: inquiryText(inquiry), pairs: pairs.map(({from, to, expected, probe}) => compared({from, to, expected}, probe && observed.get(probe)))};
	},
	text: matrixText,
	ok({pairs}) {
		return pairs.every(isAsExpected);
	},
};

/** All judged by the same packets that are sent. */
function expectedPairs(lab: Lab, inquiry: Inquiry) {
	const {network, policy, inventory} = lab;
	const evaluate = evaluator(policy, inventory);
	const paths = livePaths(network);
	const hosts = sortNames(hostNames(lab));
	const sport = sourcePort(inquiry);
	return hosts.flatMap(from => hosts.filter(to => to !== from).map(to => {
		const [sender, receiver] = [network.node(from).plan, network.node(to).plan];
		const ends = paths.endsOf(sender, receiver);
		if (!ends) {
			return {from, to, expected: 'failed' as const};
		}

		const packet = packetFor(inquiry, ends.source, ends.destination, sport);
		const passes = isAnswered(evaluate, packet) && straysOf({sender, receiver, packet}, {evaluate, paths, inventory, blueprint: network.blueprint}).length === 0;
		return {from, to, expected: passes ? 'allowed' as const : 'blocked' as const, packet, probe: probeFor(inquiry, from, to, packet)};
	}));
}

/** Each pair is asked as if nothing had passed between the two before. */
async function forget({name, network, inventory}: Lab, packets: readonly Packet[]): Promise<void> {
	await forgetOn([...inventory.devices.values()], {namespaceOf: device => network.node(device).namespace, runDirectory: ovsDirectory(name)}, packets);
}

function compared(pair: Pick<MatrixPair, 'from' | 'to' | 'expected'>, result: ProbeResult | undefined): MatrixPair {
	const observed = result?.verdict ?? 'failed';
	return {...pair, observed, ...result && observed !== pair.expected ? {reason: result.reason} : {}};
}

function isAsExpected({expected, observed}: MatrixPair): boolean {
	return expected === observed;
}

/** Each pair is counted once, under its mark in the grid. */
function matrixText({service, pairs}: MatrixResult): string {
	const hosts = [...new Set(pairs.map(({from}) => from))];
	const differences = pairs.filter(pair => !isAsExpected(pair));
	const count = (verdict: MatrixVerdict) => pairs.filter(pair => isAsExpected(pair) && pair.observed === verdict).length;
	const wayless = count('failed');
	return [
		...hosts.length > 0 && hosts.length <= widest ? [grid(hosts, pairs), legend] : [],
		...differences.map(({from, to, expected, observed, reason = ''}) => `${from} -> ${to}: ${expected} by the policy, ${observed} in fact${reason && ` (${reason})`}`),
		`${service}: ${pairs.length} pairs, ${count('allowed')} allowed, ${count('blocked')} blocked, ${wayless === 0 ? '' : `${wayless} without a way, `}${differences.length === 0 ? 'all as the policy says' : `${differences.length} not as the policy says`}`,
	].join('\n');
}

/** Rows send, columns answer. */
function grid(hosts: readonly string[], pairs: readonly MatrixPair[]): string {
	const marks = new Map(pairs.map(pair => [`${pair.from} ${pair.to}`, isAsExpected(pair) ? mark[pair.observed] : mark.differs]));
	return columns([['', ...hosts], ...hosts.map(from => [from, ...hosts.map(to => marks.get(`${from} ${to}`) ?? mark.self)])], ' ');
}
