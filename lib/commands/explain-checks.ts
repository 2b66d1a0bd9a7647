/** Asks the devices of a path, and the network, whether they do what the policy says of a packet. */
import {type SwitchDecision, traceSwitch} from '../drivers/switch-trace.ts';
import type {InstalledLine} from '../drivers/driver.ts';
import type {Lab} from '../lab.ts';
import {ovsDirectory} from '../network/paths.ts';
import type {Packet, Verdict} from '../policy/evaluate.ts';
import type {Point} from '../policy/fates.ts';
import type {ProbeResult} from '../probes/round.ts';
import type {Case} from './explain-case.ts';

/** `by` what it was checked: the switch's own trace, the counters of the firewall's rules, or not at all. `said` where that is something else than the policy says. */
export type PointCheck = {readonly by: 'trace' | 'counters' | 'nothing'; readonly said?: string};

export type Checks = {
	/** One for each point. */
	readonly points: readonly PointCheck[];
	/** Undefined when there is nobody to ask, or nobody to answer. */
	readonly probe: ProbeResult | undefined;
};

const unchecked: PointCheck = {by: 'nothing'};

/** The probe is sent between two looks at the counters of the firewalls, those of bridges too, that it should come to. */
export async function checkPoints(lab: Lab, {points, packet, verdict, probe, isFresh}: Case, signal: AbortSignal): Promise<Checks> {
	const traced = await Promise.all(points.map(async point => point.kind === 'switch' ? checkByTrace(lab, point, packet, verdict) : unchecked));
	const firewalls = points.filter(({kind, fate}) => probe && kind !== 'switch' && fate !== 'beyond').map(({hop}) => hop.node.name);
	const before = await lab.installed(firewalls);
	const {probe: send} = await import('../probes/round.ts');
	const result = probe && await send(lab.network, probe, {signal});
	const after = await lab.installed(firewalls);
	const checked = points.map(({hop: {node: {name}}}, index) => result && result.verdict !== 'failed' && firewalls.includes(name)
		? checkByCounters(before.get(name) ?? [], after.get(name) ?? [], verdict, isFresh)
		: traced[index] ?? unchecked);
	return {points: checked, probe: result};
}

async function checkByTrace(lab: Lab, {hop: {node, arrival}, fate}: Point, packet: Packet, verdict: Verdict): Promise<PointCheck> {
	if (arrival?.by.port === undefined) {
		return unchecked;
	}

	const decision = await traceSwitch({runDirectory: ovsDirectory(lab.name), name: node.name}, {port: arrival.by.port, source: arrival.source, destination: arrival.destination}, packet);
	const isOtherRule = verdict.by.kind === 'rule' && decision.rule !== undefined && decision.rule !== verdict.by.rule.id;
	return {by: 'trace', ...decision.passes !== (fate === 'passes') || isOtherRule ? {said: decisionText(decision)} : {}};
}

function decisionText({passes, rule}: SwitchDecision): string {
	return `${passes ? 'passes' : 'drops'}${rule === undefined ? ', by no rule' : `, by rule ${rule}`}`;
}

/** Lines that nobody of ours rendered are not known by their sentence: then nothing can be said, and neither when the packet may belong to an open connection. */
function checkByCounters(before: readonly InstalledLine[], after: readonly InstalledLine[], {by}: Verdict, isFresh: boolean): PointCheck {
	const builtIn = by.kind === 'router' ? 'traffic to a router itself' : 'default: ';
	const decides = ({rule, sentence}: InstalledLine) => by.kind === 'rule' ? rule === by.rule.id : sentence?.startsWith(builtIn) === true;
	const count = (lines: readonly InstalledLine[]) => lines.filter(decides).reduce((sum, {packets}) => sum + packets, 0);
	if (count(after) > count(before)) {
		return {by: 'counters'};
	}

	return isFresh && after.some(decides) ? {by: 'counters', said: 'has counted no packet there'} : unchecked;
}
