/** All that say what becomes of a packet under a policy, beside the model: a second reading of it, interpreters of rendered tables, and Open vSwitch itself. */
import {diffPerimeter, plainRouter, renderPerimeter, restoreText} from '../../lib/drivers/iptables-render.ts';
import {renderBridge} from '../../lib/drivers/nftables-bridge-render.ts';
import {renderNftables} from '../../lib/drivers/nftables-render.ts';
import type {Content} from '../../lib/drivers/nftables-content.ts';
import {setName} from '../../lib/drivers/nftables-lines.ts';
import type {FlowStyle} from '../../lib/drivers/openflow-port-lists.ts';
import type {InstalledSet} from '../../lib/drivers/perimeter-sets.ts';
import {compile} from '../../lib/policy/compile.ts';
import {type Packet, type Verdict, evaluator, explainVerdict} from '../../lib/policy/evaluate.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import type {Policy} from '../../lib/policy/model.ts';
import {contains} from '../../lib/util/address.ts';
import type {Scenario} from './arbitrary-policy.ts';
import {type FlowOracle, trunk, verdictByTrace} from './flow-oracle.ts';
import {judge} from './iptables-interpreter.ts';
import {naiveVerdict, wholeText} from './naive-evaluator.ts';
import {type Marks, type NftTable, nftTable, walk} from './nftables-interpreter.ts';
import {owes, portOf} from './owed.ts';

export type Comparison = {
	readonly packet: Packet;
	/** Device that was asked; empty when none was. */
	readonly device: string;
	/** What the model says, in the evaluator's words, such as `allow making a connection`. */
	readonly expected: string;
	readonly observed: string;
	/** How the model explains its verdict, and which lines of a device matched when they are known. */
	readonly why: string;
};

export type Evaluator = {
	readonly name: string;
	/** The part of a policy that it can be asked about: security groups know only rules that allow. */
	readonly within: (policy: Policy) => Policy;
	/** Judges every packet whose verdict it owes. */
	readonly compare: (scenario: Scenario) => Promise<Comparison[]>;
};

/** What one device says of a packet. */
type Said = {readonly action: 'allow' | 'deny'; readonly stateful: boolean; readonly by?: readonly string[]};
type Ask = (packet: Packet) => Said | Promise<Said>;

const whole = (policy: Policy): Policy => policy;

/** Evaluators that need no program. */
export const pureEvaluators: readonly Evaluator[] = [
	{name: 'reading', within: whole, compare: scenario => Promise.resolve(compareReading(scenario))},
	onDevices('iptables-perimeter', 'perimeter', askIptables),
	onDevices('nftables-perimeter', 'perimeter', askNftables),
	onDevices('nftables-bridge', 'switch', askBridge),
];

const styles = {'openflow': 'rules', 'sg': 'sg', 'fwaas': 'fwaas', 'both': 'both'} as const satisfies Readonly<Record<string, FlowStyle>>;

/** Evaluators that ask Open vSwitch where a packet would go. */
export function tracingEvaluators(oracle: FlowOracle): Evaluator[] {
	return Object.entries(styles).map(([name, style]) => onDevices(name, 'switch', async plan => {
		await oracle.install(plan, style);
		return async packet => verdictByTrace(oracle, plan, packet, portOf(plan, packet, trunk));
	}, name === 'sg' ? onlyAllow : whole));
}

export function onlyAllow(policy: Policy): Policy {
	return {...policy, rules: policy.rules.filter(({action}) => action === 'allow')};
}

function onDevices(name: string, kind: DevicePlan['kind'], install: (plan: DevicePlan) => Ask | Promise<Ask>, within = whole): Evaluator {
	return {name, within, compare: async scenario => {
		const {inventory, packets} = scenario;
		const policy = within(scenario.policy);
		const evaluate = evaluator(policy, inventory);
		const comparisons: Comparison[] = [];
		for (const plan of [...compile(policy, inventory).devices.values()].filter(each => each.kind === kind)) {
			const owed = packets.filter(packet => owes(inventory, plan, packet));
			const ask = owed.length > 0 ? await install(plan) : undefined;
			for (const packet of ask ? owed : []) {
				const [verdict, said] = [evaluate(packet), await ask?.(packet)];
				const why = [explainVerdict(verdict), ...said?.by ?? []].join(' → ');
				comparisons.push({packet, device: plan.device, expected: verdictText(verdict), observed: said ? verdictText(said) : '', why});
			}
		}

		return comparisons;
	}};
}

/** A device need not tell how what it denies is answered. */
function verdictText({action, stateful}: Pick<Verdict, 'action' | 'stateful'>): string {
	return `${action === 'allow' ? 'allow' : 'deny'}${stateful ? ' making a connection' : ''}`;
}

function compareReading({policy, inventory, packets}: Scenario): Comparison[] {
	const evaluate = evaluator(policy, inventory);
	return packets.map(packet => {
		const verdict = evaluate(packet);
		return {packet, device: '', expected: wholeText(verdict), observed: naiveVerdict(policy, inventory, packet), why: explainVerdict(verdict)};
	});
}

function askIptables(plan: DevicePlan): Ask {
	const state = renderPerimeter(plan, plainRouter);
	const sets = diffPerimeter(plainRouter, state).create;
	const texts = {4: restoreText([], state.lines[4]), 6: restoreText([], state.lines[6])};
	return packet => {
		const {verdict, mark, by} = judge(texts[packet.source.family], sets, packet);
		return {action: verdict, stateful: mark !== 0, by};
	};
}

function askNftables(plan: DevicePlan): Ask {
	const {lines, sets} = renderNftables(plan);
	const elementsOf = ({name, elements}: InstalledSet) => ([4, 6] as const).map(family => [setName(name, family), new Map(Array.from(elements[family], element => [element, '']))] as const);
	const table = nftTable(lines, new Map([...sets.values()].flatMap(elementsOf)));
	return packet => {
		const marks: Marks = {packet: 0, connection: 0};
		const by: string[] = [];
		const verdict = walk(table, `PFW.${packet.source.family}`, packet, marks, by);
		return {action: verdict === 'accept' ? 'allow' : 'deny', stateful: marks.connection !== 0, by};
	};
}

/** To a host of the bridge by its port, to everybody else by one that leads to others. */
function askBridge(plan: DevicePlan): Ask {
	const {frames, tracking} = renderBridge({...plan, ports: [...new Set([...plan.ports, trunk])]});
	const contents = {frames: tableOf(frames), tracking: tableOf(tracking)};
	const nameOf = (port: number) => plan.interfaces?.get(port) ?? `${plan.device}-eth${port}`;
	return packet => {
		const marks: Marks = {packet: 0, connection: 0};
		const by: string[] = [];
		const {from, to, macs} = wayOf(plan, packet);
		const framed = {...packet, in: nameOf(from), out: nameOf(to), macs};
		const bridged = {...packet, in: plan.device, out: plan.device};
		const passes = (['ingress', 'state', 'judge', 'make', 'egress'] as const).every(chain => {
			const isFrame = chain !== 'state' && chain !== 'make';
			return ['accept', undefined].includes(walk(contents[isFrame ? 'frames' : 'tracking'], chain, isFrame ? framed : bridged, marks, by));
		});
		// The connection of a packet that the firewall behind rejects is marked too, with a bit of its own.
		const answered = (marks.connection & 4) !== 0;
		return {action: passes && !answered ? 'allow' : 'deny', stateful: (marks.connection & 1) !== 0, by};
	};
}

function tableOf({lines, sets}: Content): NftTable {
	return nftTable(lines, new Map([...sets].map(([name, {elements}]) => [name, elements])));
}

function wayOf(plan: DevicePlan, packet: Packet) {
	const {destination} = packet;
	const [router] = plan.shared.routers.prefixes.some(prefix => contains(prefix, destination)) ? plan.shared.routerMacs : [];
	const from = portOf(plan, packet, trunk);
	const receiver = plan.guarded.find(({port}) => port === portOf(plan, {...packet, source: destination}, trunk));
	return {
		from, to: receiver?.port ?? trunk,
		macs: {source: plan.guarded.find(({port}) => port === from)?.mac ?? '02:00:00:00:00:fe', destination: router ?? receiver?.mac ?? '02:00:00:00:00:ff'},
	};
}
