/** One OpenFlow flow, and the only way to make one: every flow knows why it is there. */
import {hash} from 'node:crypto';
import type {FilterRule} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import type {Table} from './pipeline.ts';

export type Flow = {
	/** Table, priority and match: a switch holds one flow of each. */
	readonly key: string;
	readonly actions: string;
	readonly table: Table;
	/** The rule's sentence, or why the flow is built in. */
	readonly sentence: string;
	/** Id of the rule it belongs to. */
	readonly rule?: number;
	/** Whether its packets are the hits of its rule. */
	readonly counts: boolean;
};

/** Flows by key. */
export type Flows = ReadonlyMap<string, Flow>;

/**
@param match of `ovs-fields(7)`, empty for every packet
@param why the rule it belongs to, or a sentence
*/
export function makeFlow(table: Table, priority: number, match: string, actions: string, why: string | FilterRule, counts = false): Flow {
	const key = `table=${table},priority=${priority}${match ? `,${match}` : ''}`;
	return typeof why === 'string' ? {key, actions, table, sentence: why, counts} : {key, actions, table, sentence: why.sentence, rule: why.id, counts};
}

/** Tells a flow from all others of its table: the rule's id in the upper 20 bits (0: built in), a hash of its text in the lower 44. */
export function cookieOf({key, actions, rule = 0}: Flow): bigint {
	const text = hash('md5', `${key} ${actions}`);
	return (BigInt(rule) << 44n) | BigInt(`0x${text.slice(0, 11)}`);
}

/** What the cookies of a rule's flows have in common. */
export function cookiesOfRule(rule: number): {readonly value: bigint; readonly mask: bigint} {
	return {value: BigInt(rule) << 44n, mask: 0xF_FF_FFn << 44n};
}

/** Id of the rule that a flow belongs to; 0 when it is built in. */
export function ruleOfCookie(cookie: bigint): number {
	return Number(cookie >> 44n);
}

export function byKey(flows: Iterable<Flow>): Flows {
	return new Map(Array.from(flows, flow => [flow.key, flow]));
}

/** One line of an OpenFlow bundle. A flow that many switches share is changed by the very same object on each. */
export type FlowLine = {readonly line: string};

/**
What of an OpenFlow bundle turns one set of flows into the other. A flow with the key of another takes its
place and its packet count; only one whose key is gone, or whose count belongs to another rule or to none now, is deleted before.
It is deleted by cookie, so never one of others.
*/
export function diffTables(previous: Flows, next: Flows): FlowLine[] {
	if (previous === next) {
		return [];
	}

	const gone = [...previous.values()].filter(flow => !countsAlike(flow, next.get(flow.key)));
	const changed = [...next.values()].filter(flow => !isSame(flow, previous.get(flow.key)));
	return [...gone.map(deletionOf), ...changed.map(additionOf)];
}

const deletions = new WeakMap<Flow, FlowLine>();
const additions = new WeakMap<Flow, FlowLine>();

function deletionOf(flow: Flow): FlowLine {
	return remember(deletions, flow, () => ({line: `delete_strict cookie=${hex(flow)}/-1,${flow.key}`}));
}

function additionOf(flow: Flow): FlowLine {
	return remember(additions, flow, () => ({line: `add ${flow.key},cookie=${hex(flow)},actions=${flow.actions}`}));
}

function isSame(flow: Flow, other: Flow | undefined): boolean {
	return flow === other || (flow.actions === other?.actions && countsAlike(flow, other));
}

/** Whether the other may take over what the flow has counted. */
function countsAlike({rule, counts}: Flow, other: Flow | undefined): boolean {
	return other !== undefined && rule === other.rule && counts === other.counts;
}

function hex(flow: Flow): string {
	return `0x${cookieOf(flow).toString(16)}`;
}
