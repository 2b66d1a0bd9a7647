/** The driver for Open vSwitch: one bundle a change, only the flows that differ. */
import {SwitchConnection} from '../kernel/openflow-connection.ts';
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
import {flowTexts} from './device-texts.ts';
import {DeviceError, isMadeByPolicy} from './driver.ts';
import type {FirewallDriver, InstalledLine, LogReport, Step} from './driver.ts';
import {cookieOf, ruleOfCookie} from './flow.ts';
import type {Flow, FlowLine} from './flow.ts';
import {prepareSwitch} from './openflow-change.ts';
import type {PreparedSwitch} from './openflow-change.ts';
import type {FlowStyle} from './openflow-port-lists.ts';
import {allFlows, changedRules, diffFlows, plainSwitch, renderFlows, unsupportedByFlows} from './openflow-render.ts';
import type {FlowState} from './openflow-render.ts';
import type {Datapath} from './openflow-traffic.ts';
import {packetIn} from './packet-line.ts';

/** Rule id to packets. */
type Hits = ReadonlyMap<number, number>;

/** Milliseconds that a switch surely keeps what was prepared; it forgets after ten seconds. */
const remembered = 5000;

export type OpenflowOptions = {
	/** Where the daemons of the lab's Open vSwitch have their sockets. */
	readonly runDirectory: string;
	/** Of its bridges; they differ in what connection tracking knows. Default `netdev`. */
	readonly datapath?: Datapath;
	/** The style of a switch, asked whenever it is rendered: another one than before is a change like any other. Default `rules`. */
	readonly styleOf?: (device: string) => FlowStyle;
};

export function createOpenflowDriver({runDirectory, datapath = 'netdev', styleOf = () => 'rules'}: OpenflowOptions): FirewallDriver<FlowState> {
	const bridgeOf = (name: string) => ({runDirectory, name});
	const switches = new Connections(bridgeOf);
	/** What switches have looked at and would make, by device. */
	const prepared = new Map<string, Ready>();
	/** What flows of rules had counted before other flows took over, by device. */
	const carried = new Map<string, Hits>();
	return {
		plain: plainSwitch,
		supports: plan => unsupportedByFlows(plan, datapath, styleOf(plan.device)),
		render: (plan, previous) => renderFlows(plan, previous, styleOf(plan.device)),
		texts: flowTexts,
		differs: (previous, next) => diffFlows(previous, next).length > 0,
		check: async step => refusing(step, async () => {
			const connection = await switches.to(step.device);
			prepared.set(step.device, {step, bundle: await prepareSwitch(bridgeOf(step.device), connection, step, changesOf(step)), since: performance.now()});
		}),
		async discard({device}) {
			await take(prepared, device)?.bundle.discard();
		},
		async apply(step) {
			const connection = await switches.to(step.device);
			const moved = movedFlows(step);
			const hits = hitsOf(moved, await countsOf(connection, moved));
			const ready = take(prepared, step.device);
			await refusing(step, async () => commit(ready, step, async () => prepareSwitch(bridgeOf(step.device), connection, step, changesOf(step))));
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
		watchLog: async (device, listener) => switches.listen(device, listener),
	};
}

type Ready = {readonly step: Step<FlowState>; readonly bundle: PreparedSwitch; readonly since: number};

/** Makes a step: as it was prepared, unless that was another one or may be forgotten. */
async function commit(ready: Ready | undefined, step: Step<FlowState>, prepare: () => Promise<PreparedSwitch>): Promise<void> {
	const isReady = ready && isSameStep(ready.step, step) && performance.now() - ready.since < remembered;
	if (ready && !isReady) {
		await ready.bundle.discard();
	}

	const bundle = isReady ? ready.bundle : await prepare();
	await bundle.commit();
}

function isSameStep(a: Step<FlowState>, b: Step<FlowState>): boolean {
	return a.previous === b.previous && a.next === b.next;
}

/** One connection to each switch, opened when it is first needed, and again when the switch has closed it. */
class Connections {
	readonly #bridgeOf: (name: string) => Bridge;
	readonly #open = new Map<string, SwitchConnection>();
	/** Who hears of logged packets, by switch: on a connection that is opened again, too. */
	readonly #listeners = new Map<string, (report: LogReport) => void>();

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
		await this.#hear(name, connection);
		return connection;
	}

	/** Returns what ends it. */
	async listen(name: string, listener: (report: LogReport) => void): Promise<() => void> {
		this.#listeners.set(name, listener);
		await this.#hear(name, await this.to(name));
		return () => {
			this.#listeners.delete(name);
			// Whether a switch still sends what nobody hears matters to nobody.
			this.#open.get(name)?.onPacketIn(undefined).catch(() => undefined);
		};
	}

	async #hear(name: string, connection: SwitchConnection): Promise<void> {
		const listener = this.#listeners.get(name);
		if (listener) {
			await connection.onPacketIn(({cookie, frame}) => {
				listener({rule: ruleOfCookie(cookie), packet: packetIn(frame)});
			});
		}
	}
}

/** The value of a key, which the map then has no longer. */
function take<Key, Value>(map: Map<Key, Value>, key: Key): Value | undefined {
	const value = map.get(key);
	map.delete(key);
	return value;
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
	return [...gone.values()].filter(({key, counts, rule}) => counts && next.rules.has(rule ?? 0) && fresh.get(key)?.counts !== true);
}

/** Of all flows in the tables of these. */
async function countsOf(connection: SwitchConnection, flows: readonly Flow[]): Promise<FlowCount[]> {
	const tables = new Set(flows.map(flow => flow.table));
	return (await Promise.all([...tables].map(async table => connection.counts({table})))).flat();
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
