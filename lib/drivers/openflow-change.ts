/** One change of a switch, in two steps: the switch looks at it, then makes it. Meters and the treatment of fragments cannot be part of a bundle of flows. */
import type {Bridge} from '../kernel/openflow.ts';
import type {SwitchConnection} from '../kernel/openflow-connection.ts';
import {FlowError} from '../kernel/openflow-errors.ts';
import type {FlowChange} from '../kernel/openflow-flow.ts';
import type {Step} from './driver.ts';
import type {FlowLine} from './flow.ts';
import {SwitchMeters, metersWithout} from './openflow-meters.ts';
import {diffFlows, plainSwitch} from './openflow-render.ts';
import type {FlowState} from './openflow-render.ts';

/** A switch without flows. */
const noFlows: FlowState = {...plainSwitch, local: new Map()};

/** What of a bundle makes a step, from whichever state it is. Where that is not known, all flows are added: what is there keeps its count. */
export function stepLines({previous, next, perhaps = []}: Pick<Step<FlowState>, 'previous' | 'next' | 'perhaps'>): readonly FlowLine[] {
	if (perhaps.length === 0) {
		return diffFlows(previous, next);
	}

	const deletions = [previous, ...perhaps].flatMap(state => diffFlows(state, next)).filter(({line}) => line.startsWith('delete'));
	return [...new Set(deletions), ...diffFlows(noFlows, next)];
}

export type PreparedSwitch = {
	/** @throws FlowError, the flows then are as before; SecureNetError `no-answer` or `switch-closed`, and nobody knows whether they are */
	readonly commit: () => Promise<void>;
	readonly discard: () => Promise<void>;
};

/**
Meters stand before the flows that name them, and go after the last of those: a meter takes the flows that name it with it.

@param meters of this switch @throws FlowError, SecureNetError; the flows then are as before
*/
export async function prepareSwitch(
	bridge: Bridge, connection: SwitchConnection, {previous, next, perhaps = []}: Step<FlowState>, changes: readonly FlowChange[], meters = new SwitchMeters(bridge),
): Promise<PreparedSwitch> {
	const before = [previous, ...perhaps];
	const takeBack = async () => meters.delete(metersWithout(next.meters, ...before.map(state => state.meters)).keys());
	if (next.readsHeaders && !previous.readsHeaders) {
		connection.showFirstFragments();
	}

	try {
		await meters.set(perhaps.length === 0 ? metersWithout(next.meters, previous.meters) : next.meters);
		const bundle = await connection.prepare(changes);
		return {
			async commit() {
				await orElse(takeBack, bundle.commit);
				await meters.delete(before.flatMap(state => [...metersWithout(state.meters, next.meters).keys()]));
			},
			async discard() {
				bundle.discard();
				await takeBack();
			},
		};
	} catch (error) {
		await takeBack();
		throw error;
	}
}

/** A refusal is taken back. Flows that may be there, because there was no answer, keep their meters. */
async function orElse(takeBack: () => Promise<void>, work: () => Promise<void>): Promise<void> {
	try {
		await work();
	} catch (error) {
		if (error instanceof FlowError) {
			await takeBack();
		}

		throw error;
	}
}
