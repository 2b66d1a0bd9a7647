/** Steps of switches: looked at, discarded or made, with what rules had counted before other flows took over. */
import type {SwitchConnection} from '../kernel/openflow-connection.ts';
import type {FlowCount} from '../kernel/openflow-counts.ts';
import {FlowError} from '../kernel/openflow-errors.ts';
import {encodeFlow} from '../kernel/openflow-flow.ts';
import type {FlowChange} from '../kernel/openflow-flow.ts';
import type {Bridge} from '../kernel/openflow.ts';
import {remember} from '../policy/passes/memo.ts';
import {DeviceError} from './driver.ts';
import type {Step} from './driver.ts';
import {cookieOf, cookiesOfRule} from './flow.ts';
import type {Flow, FlowLine} from './flow.ts';
import {prepareSwitch, stepLines} from './openflow-change.ts';
import type {PreparedSwitch} from './openflow-change.ts';
import {SwitchMeters} from './openflow-meters.ts';
import {allFlows} from './openflow-render.ts';
import {changedRules} from './openflow-rule-flows.ts';
import type {FlowState} from './openflow-render.ts';
import type {Switches} from './openflow-switches.ts';

/** Rule id to packets. */
export type Hits = ReadonlyMap<number, number>;

/** Milliseconds that a switch surely keeps what was prepared; it forgets after ten seconds. */
const remembered = 5000;

type Ready = {readonly step: Step<FlowState>; readonly connection: SwitchConnection; readonly bundle: PreparedSwitch; readonly since: number};

export class SwitchSteps {
	readonly #bridgeOf: (name: string) => Bridge;
	readonly #switches: Switches;
	readonly #meters = new Map<string, SwitchMeters>();
	/** What switches have looked at and would make, by device. */
	readonly #prepared = new Map<string, Ready>();
	readonly #carried = new Map<string, Hits>();

	constructor(bridgeOf: (name: string) => Bridge, switches: Switches) {
		this.#bridgeOf = bridgeOf;
		this.#switches = switches;
	}

	/** What rules that the switch still has had counted by flows that it has no longer. */
	carried(device: string): Hits {
		return this.#carried.get(device) ?? new Map<number, number>();
	}

	/** What rules have counted by now, but for packets that the datapath has let pass since it last told of them. A step that begins before the answer is told to the switch after the question, on the same connection. */
	async counted(device: string, {rules: flowsOf}: FlowState, rules: ReadonlySet<number>): Promise<Hits> {
		const flows = [...rules].flatMap(rule => flowsOf.get(rule) ?? []).filter(({counts}) => counts);
		const now = flows.length === 0 ? [] : await countsOf(await this.#switches.to(device), flows);
		const [counted, carried] = [countedBy(flows, now), this.carried(device)];
		return new Map(Array.from(rules, rule => [rule, (counted.get(rule) ?? 0) + (carried.get(rule) ?? 0)]));
	}

	/** @throws DeviceError, the switch then is as before */
	async check(step: Step<FlowState>): Promise<void> {
		await refusing(step, async () => {
			const connection = await this.#switches.to(step.device);
			this.#prepared.set(step.device, {step, connection, bundle: await this.#prepare(step, connection), since: performance.now()});
		});
	}

	async discard(device: string): Promise<void> {
		await this.#take(device)?.bundle.discard();
	}

	/** Another driver goes on from here, or nobody: what was counted and prepared is no longer this one's. */
	forget(device: string): void {
		this.#prepared.delete(device);
		this.#carried.delete(device);
		this.#meters.delete(device);
	}

	/** @throws DeviceError, which tells whether the switch is as before */
	async apply(step: Step<FlowState>): Promise<void> {
		const ready = this.#take(step.device);
		const moved = movedFlows(step);
		const {bundle, counted} = await refusing(step, async () => orDiscard(ready, async () => {
			const connection = await this.#switches.to(step.device);
			return {counted: countedBy(moved, await countsOf(connection, moved)), bundle: await usable(ready, step, connection) ?? await this.#prepare(step, connection)};
		}));
		await refusing(step, bundle.commit, error => !(error instanceof FlowError));
		this.#carried.set(step.device, carriedOn(this.carried(step.device), counted, step.next));
	}

	/** What is prepared, which then is not any more. */
	#take(device: string): Ready | undefined {
		const ready = this.#prepared.get(device);
		this.#prepared.delete(device);
		return ready;
	}

	async #prepare(step: Step<FlowState>, connection: SwitchConnection): Promise<PreparedSwitch> {
		const bridge = this.#bridgeOf(step.device);
		const meters = this.#meters.get(step.device) ?? new SwitchMeters(bridge);
		this.#meters.set(step.device, meters);
		return prepareSwitch(bridge, connection, step, changesOf(step), meters);
	}
}

/** What was prepared, unless that was another step, or may be forgotten, as it is with its connection; it is discarded then. */
async function usable(ready: Ready | undefined, step: Step<FlowState>, connection: SwitchConnection): Promise<PreparedSwitch | undefined> {
	if (ready?.connection === connection && isSameStep(ready.step, step) && performance.now() - ready.since < remembered) {
		return ready.bundle;
	}

	await ready?.bundle.discard();
	return undefined;
}

/** Work after which nothing stays prepared when it fails. */
async function orDiscard<Result>(ready: Ready | undefined, work: () => Promise<Result>): Promise<Result> {
	try {
		return await work();
	} catch (error) {
		await ready?.bundle.discard();
		throw error;
	}
}

function isSameStep(a: Step<FlowState>, b: Step<FlowState>): boolean {
	return a.previous === b.previous && a.next === b.next && a.perhaps === b.perhaps;
}

const encoded = new WeakMap<FlowLine, FlowChange>();

/** Flows that many switches share are encoded once. */
function changesOf(step: Step<FlowState>): FlowChange[] {
	return stepLines(step).map(change => remember(encoded, change, () => encodeFlow(change.line)));
}

/** Names the rule behind a flow that the switch refuses; it quotes the flow with its cookie. @param isUnanswered whether after this error nobody knows what the switch has */
async function refusing<Result>({device, previous, next}: Step<FlowState>, work: () => Promise<Result>, isUnanswered: (error: unknown) => boolean = () => false): Promise<Result> {
	try {
		return await work();
	} catch (error) {
		const cookie = error instanceof FlowError ? /cookie[=:](0x[\da-f]+)/.exec(error.refused ?? '')?.[1] : undefined;
		const refused = cookie === undefined ? undefined : [...allFlows(next), ...allFlows(previous)].find(flow => cookieOf(flow) === BigInt(cookie));
		throw new DeviceError(device, refused?.sentence, error, {unanswered: isUnanswered(error)});
	}
}

/** Flows that count the hits of a rule that stays, and whose count would be lost because another flow takes their part. */
function movedFlows({previous, next, perhaps = []}: Step<FlowState>): Flow[] {
	const moved = [previous, ...perhaps].flatMap(({rules}) => {
		const [gone, fresh] = changedRules(rules, next.rules);
		return [...gone.values()].filter(({key, counts, rule}) => counts && next.rules.has(rule ?? 0) && fresh.get(key)?.counts !== true);
	});
	return [...new Map(moved.map(flow => [cookieOf(flow), flow])).values()];
}

/** Rules that are asked for one by one; of more it is quicker to be told of all. */
const fewRules = 16;

/** Of these flows, and of others that are told with them. */
async function countsOf(connection: SwitchConnection, flows: readonly Flow[]): Promise<FlowCount[]> {
	const [rules, tables] = [new Set(flows.map(({rule = 0}) => rule)), new Set(flows.map(flow => flow.table))];
	const filters = rules.size <= fewRules ? Array.from(rules, rule => ({cookie: cookiesOfRule(rule)})) : Array.from(tables, table => ({table}));
	return (await Promise.all(filters.map(async filter => connection.counts(filter)))).flat();
}

/** What flows have counted, by rule. */
function countedBy(flows: readonly Flow[], counts: readonly FlowCount[]): Hits {
	const packets = new Map(counts.map(flow => [flow.cookie, flow.packets]));
	return flows.reduce((hits, {rule = 0, ...flow}) => hits.set(rule, (hits.get(rule) ?? 0) + (packets.get(cookieOf({rule, ...flow})) ?? 0)), new Map<number, number>());
}

/** Adds what was counted to what had been carried. Of a rule that the switch has no longer nothing is: one that comes back begins at 0. */
function carriedOn(carried: Hits, counted: Hits, {rules}: FlowState): Hits {
	const ids = new Set([...carried.keys(), ...counted.keys()]);
	return new Map([...ids].filter(id => rules.has(id)).map(id => [id, (carried.get(id) ?? 0) + (counted.get(id) ?? 0)]));
}
