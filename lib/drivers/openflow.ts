/** The driver for Open vSwitch: one bundle a change, only the flows that differ. */
import {FlowError, bundle, dumpFlows, parseFlows, switchControl} from '../kernel/openflow.ts';
import type {Bridge, Flow as DumpedFlow} from '../kernel/openflow.ts';
import {deleteSwitchConnections, listSwitchConnections} from '../kernel/switch-conntrack.ts';
import {unixctl} from '../kernel/unixctl.ts';
import {inSlices} from '../util/slices.ts';
import {DeviceError, isMadeByPolicy} from './driver.ts';
import type {FirewallDriver, InstalledLine, Step} from './driver.ts';
import {cookieOf} from './flow.ts';
import type {Flow} from './flow.ts';
import {allFlows, changedRules, diffFlows, plainSwitch, renderFlows, unsupportedByFlows} from './openflow-render.ts';
import type {FlowState} from './openflow-render.ts';
import {table} from './pipeline.ts';

/** Rule id to packets. */
type Hits = ReadonlyMap<number, number>;

/** @param runDirectory where the daemons of the lab's Open vSwitch have their sockets */
export function createOpenflowDriver({runDirectory}: {readonly runDirectory: string}): FirewallDriver<FlowState> {
	const bridgeOf = (name: string) => ({runDirectory, name});
	const parser = new SharedParser();
	/** What flows of rules had counted before other flows took over, by device. */
	const carried = new Map<string, Hits>();
	return {
		plain: plainSwitch,
		supports: unsupportedByFlows,
		render: renderFlows,
		differs: (previous, next) => diffFlows(previous, next).length > 0,
		check: async step => refusing(step, parser.parse(bridgeOf(step.device), linesOf(step))),
		discard: async () => Promise.resolve(),
		async apply(step) {
			const bridge = bridgeOf(step.device);
			const moved = movedFlows(step);
			const hits = moved.length === 0 ? new Map<number, number>() : hitsOf(moved, await dumpFlows(bridge, `table=${table.rules}`));
			await refusing(step, bundle(bridge, linesOf(step)));
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

/**
Checks of several switches that begin at the same moment share one run of ovs-ofctl: what it thinks of a flow depends on
no switch, and most flows are the same on all.
*/
class SharedParser {
	#lines = new Set<string>();
	#run: Promise<void> | undefined;

	async parse(bridge: Bridge, lines: readonly string[]): Promise<void> {
		lines.forEach(line => this.#lines.add(line));
		this.#run ??= Promise.resolve().then(async () => this.#parseAll(bridge));
		try {
			await this.#run;
		} catch {
			// Somebody's lines are wrong: let each find out about its own.
			await parseFlows(bridge, lines);
		}
	}

	async #parseAll(bridge: Bridge): Promise<void> {
		const lines = [...this.#lines];
		this.#lines = new Set();
		this.#run = undefined;
		await parseFlows(bridge, lines);
	}
}

/** Names the rule behind a flow that the switch refuses; it quotes the flow with its cookie. */
async function refusing({device, previous, next}: Step<FlowState>, work: Promise<void>): Promise<void> {
	try {
		await work;
	} catch (error) {
		const cookie = error instanceof FlowError ? /cookie[=:](0x[\da-f]+)/.exec(error.refused ?? '')?.[1] : undefined;
		const refused = cookie === undefined ? undefined : [...allFlows(next), ...allFlows(previous)].find(flow => cookieOf(flow) === BigInt(cookie));
		throw new DeviceError(device, refused?.sentence, error);
	}
}

function linesOf({previous, next}: Step<FlowState>): string[] {
	return diffFlows(previous, next).map(({line}) => line);
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

function hitsOf(flows: readonly Flow[], dumped: readonly DumpedFlow[]): Hits {
	const packets = new Map(dumped.map(flow => [flow.cookie, flow.packets]));
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
