/** The driver for Open vSwitch: one bundle a change, only the flows that differ. */
import {SwitchConnection} from '../kernel/openflow-connection.ts';
import type {PreparedBundle} from '../kernel/openflow-connection.ts';
import {encodeFlow} from '../kernel/openflow-flow.ts';
import type {FlowChange} from '../kernel/openflow-flow.ts';
import type {FlowCount} from '../kernel/openflow-counts.ts';
import {FlowError} from '../kernel/openflow-errors.ts';
import {dumpFlows, switchControl} from '../kernel/openflow.ts';
import type {Bridge, Flow as DumpedFlow} from '../kernel/openflow.ts';
import {deleteSwitchConnections, listSwitchConnections} from '../kernel/switch-conntrack.ts';
import {unixctl} from '../kernel/unixctl.ts';
import {remember} from '../policy/passes/memo.ts';
import {inSlices} from '../util/slices.ts';
import {DeviceError, isMadeByPolicy} from './driver.ts';
import type {FirewallDriver, InstalledLine, Step} from './driver.ts';
import {cookieOf} from './flow.ts';
import type {Flow, FlowLine} from './flow.ts';
import {allFlows, changedRules, diffFlows, plainSwitch, renderFlows, unsupportedByFlows} from './openflow-render.ts';
import type {FlowState} from './openflow-render.ts';
import {table} from './pipeline.ts';

/** Rule id to packets. */
type Hits = ReadonlyMap<number, number>;

/** Milliseconds that a switch surely keeps what was prepared; it forgets after ten seconds. */
const remembered = 5000;

/** @param runDirectory where the daemons of the lab's Open vSwitch have their sockets */
export function createOpenflowDriver({runDirectory}: {readonly runDirectory: string}): FirewallDriver<FlowState> {
	const bridgeOf = (name: string) => ({runDirectory, name});
	const switches = new Connections(bridgeOf);
	/** What switches have looked at and would make, by device. */
	const prepared = new Map<string, {readonly bundle: PreparedBundle; readonly since: number}>();
	/** What flows of rules had counted before other flows took over, by device. */
	const carried = new Map<string, Hits>();
	return {
		plain: plainSwitch,
		supports: unsupportedByFlows,
		render: renderFlows,
		differs: (previous, next) => diffFlows(previous, next).length > 0,
		check: async step => refusing(step, async () => {
			const connection = await switches.to(step.device);
			prepared.set(step.device, {bundle: await connection.prepare(changesOf(step)), since: performance.now()});
		}),
		async discard({device}) {
			prepared.get(device)?.bundle.discard();
			prepared.delete(device);
			return Promise.resolve();
		},
		async apply(step) {
			const connection = await switches.to(step.device);
			const moved = movedFlows(step);
			const hits = moved.length === 0 ? new Map<number, number>() : hitsOf(moved, await connection.counts({table: table.rules}));
			const ready = prepared.get(step.device);
			prepared.delete(step.device);
			await refusing(step, async () => ready && performance.now() - ready.since < remembered ? ready.bundle.commit() : connection.bundle(changesOf(step)));
			carried.set(step.device, addHits(carried.get(step.device), hits));
		},
		async list(devices) {
			// Packets that went by the datapath's remembered decisions are counted once it has been looked through.
			await unixctl(switchControl({runDirectory}), 'revalidator/wait', []);
			return new Map(await inSlices([...devices], async ([device, state]) => [device, listing(await dumpFlows(bridgeOf(device)), state, carried.get(device) ?? new Map<number, number>())] as const));
		},
		// Drops the decisions that the datapath remembers, so that new ones are made by the new flows. Waiting until the switch has looked through them by itself takes up to 0.5 s.
		async settle() {
			await unixctl(switchControl({runDirectory}), 'revalidator/purge', []);
		},
		async connections(devices) {
			const byZone = await listSwitchConnections({runDirectory});
			return new Map([...devices].map(([device, state]) => [device, (byZone.get(zoneOf(state)) ?? []).filter(isMadeByPolicy)]));
		},
		cut: async (device, state, connections) => deleteSwitchConnections(bridgeOf(device), zoneOf(state), connections),
	};
}

/** One connection to each switch, opened when it is first needed, and again when the switch has closed it. */
class Connections {
	readonly #bridgeOf: (name: string) => Bridge;
	readonly #open = new Map<string, SwitchConnection>();

	constructor(bridgeOf: (name: string) => Bridge) {
		this.#bridgeOf = bridgeOf;
	}

	async to(name: string): Promise<SwitchConnection> {
		const known = this.#open.get(name);
		if (known?.isOpen) {
			return known;
		}

		const connection = await SwitchConnection.open(this.#bridgeOf(name));
		this.#open.set(name, connection);
		return connection;
	}
}

const encoded = new WeakMap<FlowLine, FlowChange>();

/** Flows that many switches share are encoded once. */
function changesOf({previous, next}: Step<FlowState>): FlowChange[] {
	return diffFlows(previous, next).map(change => remember(encoded, change, () => encodeFlow(change.line)));
}

/** Names the rule behind a flow that the switch refuses; it quotes the flow with its cookie. */
async function refusing({device, previous, next}: Step<FlowState>, work: () => Promise<void>): Promise<void> {
	try {
		await work();
	} catch (error) {
		const cookie = error instanceof FlowError ? /cookie[=:](0x[\da-f]+)/.exec(error.refused ?? '')?.[1] : undefined;
		const refused = cookie === undefined ? undefined : [...allFlows(next), ...allFlows(previous)].find(flow => cookieOf(flow) === BigInt(cookie));
		throw new DeviceError(device, refused?.sentence, error);
	}
}

/** Connection tracking zone; a switch that no policy has touched tracks nothing. */
function zoneOf({plan}: FlowState): number {
	return plan?.zone ?? 0;
}

/** Flows that count the hits of a rule that stays, and whose count would be lost because another flow takes their part. */
function movedFlows({previous, next}: Step<FlowState>): Flow[] {
	const [gone, fresh] = changedRules(previous.rules, next.rules);
	return [...gone.values()].filter(({key, counts, rule}) => counts && next.rules.has(rule ?? 0) && !fresh.has(key));
}

function hitsOf(flows: readonly Flow[], counts: readonly FlowCount[]): Hits {
	const packets = new Map(counts.map(flow => [flow.cookie, flow.packets]));
	return flows.reduce<Hits>((hits, flow) => addHits(hits, new Map([[flow.rule ?? 0, packets.get(cookieOf(flow)) ?? 0]])), new Map());
}

function addHits(hits: Hits = new Map(), more: Hits): Hits {
	const sum = new Map(hits);
	for (const [rule, packets] of more) {
		sum.set(rule, (sum.get(rule) ?? 0) + packets);
	}

	return sum;
}

/** Joins what the switch holds with what was rendered; what a rule's earlier flows had counted goes to the first that counts now. */
function listing(dumped: readonly DumpedFlow[], state: FlowState, carried: Hits): InstalledLine[] {
	const known = new Map(allFlows(state).map(flow => [`${flow.table} ${cookieOf(flow)}`, flow]));
	const waiting = new Map(carried);
	return dumped.map(({cookie, table: number, priority, packets, text}) => {
		const flow = known.get(`${number} ${cookie}`);
		const rule = flow?.counts ? flow.rule : undefined;
		const more = rule === undefined ? 0 : waiting.get(rule) ?? 0;
		waiting.delete(rule ?? 0);
		return {text: `table=${number} priority=${priority} ${text}`, sentence: flow?.sentence, packets: packets + more, ...(rule === undefined ? {} : {rule})};
	});
}
