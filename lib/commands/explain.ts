/** `explain SRC DST`: the verdict on a packet, what becomes of it at every enforcement point of its path, and whether devices and network agree. */
import type {Lab} from '../lab.ts';
import {type Packet, explainVerdict} from '../policy/evaluate.ts';
import type {Fate, Point} from '../policy/fates.ts';
import type {Action} from '../policy/model.ts';
import type {ProbeResult} from '../probes/round.ts';
import type {TunnelPlan} from '../topology/blueprint.ts';
import {formatAddress} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import {SecureNetError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {type Case, type End, caseOf, takeEnd} from './explain-case.ts';
import {type Checks, type PointCheck, checkPoints} from './explain-checks.ts';
import {type Inquiry, hasSourcePort, inquiryUsage, takeInquiry} from './inquiry.ts';
import {lookUntilSure} from './looking.ts';

export type ExplainPoint = {
	readonly device: string;
	readonly kind: Point['kind'];
	readonly fate: Fate;
	/** What the device was asked for; `nothing` where it could not be asked. */
	readonly checked: PointCheck['by'];
};

export type ExplainResult = {
	/** Such as `tcp 10.0.10.10 > 10.0.20.20 port 80`. */
	readonly packet: string;
	/** Names of the nodes from the first to the last; empty when the source is outside of the network. */
	readonly path: readonly string[];
	/** Those of the path that a tunnel leads to; absent when it comes through none. */
	readonly tunnels?: ReadonlyArray<{readonly to: string; readonly via: TunnelPlan['via']}>;
	/** Why the path ends before the destination. */
	readonly broken?: string;
	readonly action: Action;
	/** Id of the rule that decides; absent when it is a default. */
	readonly rule?: number;
	/** The verdict in a sentence, with the rule or the default behind it. */
	readonly verdict: string;
	/** Why the answer is kept back although the packet passes: a stateless rule lets no answer pass by itself, and a firewall that has not seen the packet none at all. */
	readonly answer?: string;
	/** Why the way of an answer that nobody keeps back ends before the source. */
	readonly answerBroken?: string;
	/** Enforcement points in the order of the path; all give the same verdict. */
	readonly points: readonly ExplainPoint[];
	readonly probe?: {readonly verdict: ProbeResult['verdict']; readonly reason: string};
};

type Input = {readonly from: End; readonly to: End; readonly inquiry: Inquiry; readonly isStatic: boolean};

export const explainCommand: Command<Input, ExplainResult> = {
	name: 'explain',
	usage: `explain SRC DST [${inquiryUsage}] [--static]`,
	summary: 'the verdict on a packet, and what decides it on every device of its path',
	details: [
		'SRC and DST are nodes or addresses. Without a word for the packet it is icmp: an echo; without sport it comes from a port that nobody uses.',
		'Switches are asked what they would do, and one real packet is sent, by the counters of firewalls; when one of them disagrees with the policy, the line fails. --static asks nobody.',
	].join('\n'),
	read(reader, scene) {
		const [from, to] = [takeEnd(reader, scene), takeEnd(reader, scene)];
		const inquiry = takeInquiry(reader) ?? {protocol: 'icmp'};
		const isStatic = reader.optional(['--static']) !== undefined;
		reader.finish();
		return {from, to, inquiry, isStatic};
	},
	async run(lab, input, {signal}) {
		const look = await lookUntilSure(async () => lookAt(lab, input, signal), each => !disagrees(each) || !isUnanswered(each));
		refuseDisagreement(look);
		return resultOf(look, input.inquiry);
	},
	text: explainText,
};

/** The case at one moment, with a source port of its own, and what devices and network say of it. */
type Look = {readonly asked: Case; readonly checks: Checks | undefined};

async function lookAt(lab: Lab, {from, to, inquiry, isStatic}: Input, signal: AbortSignal): Promise<Look> {
	const asked = caseOf(lab, from, to, inquiry);
	return {asked, checks: isStatic ? undefined : await checkPoints(lab, asked, signal)};
}

/** What was answered was not lost: another packet would tell nothing else. */
function isUnanswered({checks}: Look): boolean {
	return checks?.probe?.verdict === 'blocked';
}

function disagrees({asked, checks}: Look): boolean {
	const expected = asked.isAnswered ? 'allowed' : 'blocked';
	const isOther = checks?.probe !== undefined && ![expected, 'failed'].includes(checks.probe.verdict);
	return isOther || (checks?.points.some(({said}) => said !== undefined) ?? false);
}

/** @throws SecureNetError `disagreement` with what policy, devices and network say */
function refuseDisagreement(look: Look): void {
	const {asked: {points, verdict, answer}, checks} = look;
	if (disagrees(look)) {
		throw new SecureNetError('disagreement', [
			'Policy, devices and network disagree.',
			`  policy: ${explainVerdict(verdict)}${answer === undefined ? '' : ` Its answer: ${answer}`}`,
			...points.map(({hop, fate}, index) => `  ${hop.node.name}: ${deviceText(fate, checks?.points[index])}`),
			`  probe: ${checks?.probe ? `${checks.probe.verdict}, ${checks.probe.reason}` : 'could not be sent'}`,
		].join('\n'));
	}
}

function deviceText(fate: Fate, check: PointCheck | undefined): string {
	const asked = check?.by === 'trace' ? 'its trace' : check?.by === 'counters' ? 'the rule that decides' : 'it was not asked';
	return check?.said === undefined ? `${fate}; ${check && check.by !== 'nothing' ? `${asked} agrees` : asked}` : `should be: ${fate}; ${asked} ${check.by === 'trace' ? `says: ${check.said}` : check.said}`;
}

function resultOf({asked: {packet, verdict, answer, answerBroken, path, points}, checks}: Look, inquiry: Inquiry): ExplainResult {
	const tunnels = (path?.hops ?? []).flatMap(({node, arrival}) => arrival?.tunnel ? [{to: node.name, via: arrival.tunnel.via}] : []);
	return {
		packet: packetText(packet, inquiry),
		path: path?.hops.map(({node}) => node.name) ?? [],
		...tunnels.length > 0 ? {tunnels} : {},
		...path?.broken === undefined ? {} : {broken: path.broken},
		action: verdict.action,
		...verdict.by.kind === 'rule' ? {rule: verdict.by.rule.id} : {},
		verdict: explainVerdict(verdict),
		...answer === undefined ? {} : {answer},
		...answerBroken === undefined ? {} : {answerBroken},
		points: points.map(({hop, kind, fate}, index) => ({device: hop.node.name, kind, fate, checked: checks?.points[index]?.by ?? 'nothing'})),
		...checks?.probe ? {probe: {verdict: checks.probe.verdict, reason: checks.probe.reason}} : {},
	};
}

/** A source port that nobody asked for is another one each time. */
function packetText({source, destination}: Packet, inquiry: Inquiry): string {
	const from = `${formatAddress(source)}${hasSourcePort(inquiry) ? ` port ${inquiry.sport}` : ''}`;
	return `${inquiry.protocol} ${from} > ${formatAddress(destination)}${inquiry.protocol === 'icmp' ? '' : ` port ${inquiry.port}`}`;
}

const fateTexts: Readonly<Record<Fate, string>> = {passes: 'passes', drops: 'dies here', rejects: 'dies here, with an answer', beyond: 'never comes here'};
const checkTexts: Readonly<Record<PointCheck['by'], string>> = {trace: 'the switch agrees', counters: 'its rule has counted the packet', nothing: ''};

function explainText({packet, path, tunnels = [], broken, action, verdict, answer, answerBroken, points, probe}: ExplainResult): string {
	return [
		packet,
		path.length === 0 ? 'The source is outside of the network: the way of its packets is not known.' : `way: ${path.map(name => nameText(name, tunnels)).join(' ')}`,
		...broken === undefined ? [] : [`     and no further: ${broken}`],
		...points.length === 0 ? [] : [columns(points.map(({device, fate, checked}) => [`  ${device}`, fateTexts[fate], checkTexts[checked]]))],
		...probe ? [`probe: ${probe.verdict}, ${probe.reason}`] : [],
		verdict,
		...broken === undefined || action !== 'allow' ? [] : [`But the request never ${path.length === 1 ? `leaves ${path.join()}` : 'arrives'}.`],
		...answer === undefined ? [] : [`But the answer is kept back. ${answer}`],
		...answerBroken === undefined ? [] : [`But the answer does not arrive: ${answerBroken}.`],
	].join('\n');
}

function nameText(name: string, tunnels: NonNullable<ExplainResult['tunnels']>): string {
	const tunnel = tunnels.find(({to}) => to === name);
	return tunnel ? `${name} (via ${tunnel.via})` : name;
}
