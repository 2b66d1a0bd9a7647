/** Asks real networks about random policies: a lab under the driver in question, and many probes at once. */
import fc from 'fast-check';
import {Lab} from '../../lib/lab.ts';
import {type Packet, type Verdict, evaluator, explainVerdict} from '../../lib/policy/evaluate.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import type {Probe} from '../../lib/probes/probe.ts';
import {type ProbeResult, probeAll} from '../../lib/probes/round.ts';
import type {FirewallName} from '../../lib/topology/firewalls.ts';
import {type Address, type Family, formatAddress, sameAddress} from '../../lib/util/address.ts';
import {arbitraryHeader} from './arbitrary-header.ts';
import {type Scenario, type ScenarioOptions, arbitraryScenario, crosses} from './arbitrary-policy.ts';
import {Sketch} from './blueprints.ts';
import {type Comparison, type Evaluator, onlyAllow} from './evaluators.ts';
import {uniqueName} from './names.ts';
import {patience} from './patience.ts';

/** How a driver gets a network to itself: a perimeter's switches are bridges that enforce nothing. */
const grounds: Readonly<Record<FirewallName, 'switches' | 'bridges'>> = {
	'openflow': 'switches', 'sg': 'switches', 'fwaas': 'switches', 'both': 'switches',
	'nftables-bridge': 'bridges', 'iptables-perimeter': 'bridges', 'nftables-perimeter': 'bridges',
};

/** What `failed` begins with: a probe that nobody can say anything about. */
export const noAnswer = 'no verdict';

export const liveDrivers = Object.keys(grounds) as FirewallName[];

/**
Whether a driver can be asked about ports of SCTP. The kernel tracks them (nf_conntrack_proto_sctp). To userspace Open vSwitch, which all switches are where the kernel has no datapath, all SCTP between two hosts is one connection:
its drivers refuse such rules when they are stateful, and a probe would pass by the connection of the one before.
*/
export function tracksSctp(driver: FirewallName): boolean {
	return grounds[driver] === 'bridges';
}

export function topologyFor(driver: FirewallName, network: string): Sketch {
	return new Sketch(grounds[driver] === 'bridges' ? network.replaceAll(/\bs(\d+)/g, 'b$1') : network);
}

/** Brings a lab up for each scenario. */
export function liveEvaluator(driver: FirewallName): Evaluator {
	const within = driver === 'sg' ? onlyAllow : (policy: Scenario['policy']) => policy;
	return {name: `live ${driver}`, within, compare: async scenario => {
		await using lab = await Lab.up(topologyFor(driver, scenario.network), {name: uniqueName(), firewalls: [driver]});
		return await probeScenario(lab, {...scenario, policy: within(scenario.policy)});
	}};
}

/** Scenarios whose packets are all requests from host to host that a probe can make. */
export function arbitraryLiveScenario(options: ScenarioOptions = {}, probes = 40): fc.Arbitrary<Scenario> {
	const {sctp = false} = options;
	return arbitraryScenario({...options, sctp, packets: 1}).chain(scenario => {
		const requests = ([4, 6] as const).flatMap(family => pairsOf(scenario, family).map(pair => ({family, pair})));
		const packet = requests.length === 0 ? fc.constant(undefined) : fc.constantFrom(...requests).chain(({family, pair}) => arbitraryHeader(family, scenario.policy).map(header => ({...pair, ...header})).filter(each => canBeAsked(each, sctp)));
		return fc.array(packet, {minLength: probes, maxLength: probes}).map(packets => ({...scenario, packets: packets.filter(each => each !== undefined)}));
	});
}

function pairsOf({inventory}: Scenario, family: Family): Array<Pick<Packet, 'source' | 'destination'>> {
	const hosts = [...inventory.hosts.values()].flatMap(({addresses}) => addresses.find(address => address.family === family && !isLinkLocal(address)) ?? []);
	return hosts.flatMap(source => hosts.filter(destination => destination !== source).map(destination => ({source, destination})));
}

function isLinkLocal({family, value}: Address): boolean {
	return family === 6 && value >> 118n === 0x3FAn;
}

/** A socket has ports other than 0. Of protocols without ports OSPF's number, which no kernel has an opinion of. */
function canBeAsked({protocol, sport = 1, dport = 1, icmpType = 8, opens = true}: Packet, sctp: boolean): boolean {
	switch (protocol) {
		case protocolNumbers.sctp:
			return sctp && opens && sport > 0 && dport > 0;
		case protocolNumbers.tcp:
		case protocolNumbers.udp:
			return opens && sport > 0 && dport > 0;
		case protocolNumbers.icmp:
		case protocolNumbers.icmp6:
			return opens && (icmpType === 8 || icmpType === 128);
		default:
			return opens && protocol === 89;
	}
}

/** What is allowed may take its time on a busy machine, and mostly takes none; what is blocked always takes all of it. Milliseconds. */
const limits = {allowed: 2000 * patience, blocked: 300 * patience, again: 8000 * patience} as const;

type Question = {readonly packet: Packet; readonly expected: string};

/** Takes the policy over and probes every packet that a probe can be and whose pair crosses an enforcement point. */
export async function probeScenario(lab: Lab, {policy, packets}: Scenario): Promise<Comparison[]> {
	await lab.change(() => policy);
	const evaluate = evaluator(policy, lab.inventory);
	const sctp = [...lab.network.blueprint.nodes.values()].every(({kind}) => kind !== 'switch');
	const questions = packets.filter(packet => canBeAsked(packet, sctp) && isOwed(lab, packet)).map(packet => ({packet, expected: expectedOf(evaluate, packet)}));
	const comparisons: Comparison[] = [];
	for (const part of [questions.filter(isAllowed), questions.filter(question => !isAllowed(question))]) {
		for (const wave of waves(part)) {
			const results = await answers(lab, wave);
			comparisons.push(...wave.map(({packet, expected}, index) => ({packet, expected, device: '', observed: observedOf(results[index]), why: explainVerdict(evaluate(packet))})));
		}
	}

	return comparisons;
}

function isAllowed({expected}: Question): boolean {
	return expected === 'allowed';
}

/** Whether some of its packets are allowed and some are not: at least a fifth of each. */
export function isBalanced(lab: Lab, {policy, packets}: Scenario): boolean {
	const evaluate = evaluator(policy, lab.inventory);
	const owed = packets.filter(packet => isOwed(lab, packet));
	const allowed = owed.filter(packet => expectedOf(evaluate, packet) === 'allowed').length;
	return allowed >= owed.length / 5 && allowed <= owed.length * 4 / 5 && owed.length > 0;
}

/** What a busy machine may have lost is asked once more, with time to spare; what passed has passed. */
async function answers(lab: Lab, wave: readonly Question[]): Promise<Array<ProbeResult | undefined>> {
	const probes = wave.map(({packet}) => probeOf(lab, packet));
	const first = await probeAll(lab.network, probes, {timeout: wave.some(isAllowed) ? limits.allowed : limits.blocked});
	const doubtful = first.flatMap(({verdict}, index) => verdict === 'failed' || (wave.some(isAllowed) && verdict !== 'allowed') ? [index] : []);
	const second = await probeAll(lab.network, doubtful.flatMap(index => probes[index] ?? []), {timeout: limits.again});
	return first.map((result, index) => second[doubtful.indexOf(index)] ?? result);
}

/** Probes that can be made at once: no port is both asked from and listened on, and none is asked from twice. */
function waves(questions: readonly Question[]): Question[][] {
	const made: Array<{readonly questions: Question[]; readonly asking: Set<string>; readonly listening: Set<string>}> = [];
	for (const question of questions) {
		const {source, destination, protocol, sport = 0, dport = 0} = question.packet;
		const [own, other] = [`${formatAddress(source)} ${protocol} ${sport}`, `${formatAddress(destination)} ${protocol} ${dport}`];
		let wave = made.find(({asking, listening}) => !asking.has(own) && !listening.has(own) && !asking.has(other));
		if (!wave) {
			wave = {questions: [], asking: new Set(), listening: new Set()};
			made.push(wave);
		}

		wave.questions.push(question);
		wave.asking.add(own);
		wave.listening.add(other);
	}

	return made.map(wave => wave.questions);
}

function isOwed({inventory}: Lab, {source, destination}: Packet): boolean {
	const [from, to] = [hostOf(inventory, source), hostOf(inventory, destination)];
	return [...inventory.devices.keys()].some(device => crosses(inventory, device, from, to));
}

function hostOf({hosts}: Lab['inventory'], address: Address): string {
	return [...hosts.values()].find(({addresses}) => addresses.some(own => sameAddress(own, address)))?.name ?? '';
}

function probeOf({inventory}: Lab, {source, destination, protocol, sport, dport}: Packet): Probe {
	const ends = {from: hostOf(inventory, source), to: hostOf(inventory, destination), source: formatAddress(source), destination: formatAddress(destination)};
	switch (protocol) {
		case protocolNumbers.tcp:
			return {...ends, tcp: dport ?? 0, sport: sport ?? 0};
		case protocolNumbers.udp:
			return {...ends, udp: dport ?? 0, sport: sport ?? 0};
		case protocolNumbers.sctp:
			return {...ends, sctp: dport ?? 0, sport: sport ?? 0};
		case protocolNumbers.icmp:
		case protocolNumbers.icmp6:
			return ends;
		default:
			return {...ends, protocol};
	}
}

/** A probe needs its answer too: where the request makes no connection, the answer is judged alone, and only UDP, SCTP and bare IP tell nobody that it is one. */
function expectedOf(evaluate: (packet: Packet) => Verdict, packet: Packet): string {
	const {action, stateful} = evaluate(packet);
	if (action !== 'allow') {
		return 'request blocked';
	}

	const {source, destination, protocol, sport, dport, icmpType} = packet;
	const isIcmp = icmpType !== undefined;
	const header = isIcmp ? {icmpType: icmpType === 8 ? 0 : 129, icmpCode: 0} : sport === undefined || dport === undefined ? {} : {sport: dport, dport: sport};
	const answer = {source: destination, destination: source, protocol, ...header, opens: !isIcmp && protocol !== protocolNumbers.tcp};
	return stateful || evaluate(answer).action === 'allow' ? 'allowed' : 'answer blocked';
}

function observedOf(result: ProbeResult | undefined): string {
	switch (result?.verdict) {
		case 'allowed':
			return 'allowed';
		case 'blocked':
			return `${result.stopped ?? 'something'} blocked`;
		default:
			return `${noAnswer}: ${result?.reason ?? 'not asked'}`;
	}
}
