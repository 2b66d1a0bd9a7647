/** One change of a switch, in two steps: the switch looks at it, then makes it. Meters and the treatment of fragments cannot be part of a bundle of flows. */
import {addMeter, deleteMeter} from '../kernel/openflow.ts';
import type {Bridge} from '../kernel/openflow.ts';
import type {SwitchConnection} from '../kernel/openflow-connection.ts';
import type {FlowChange} from '../kernel/openflow-flow.ts';
import type {Step} from './driver.ts';
import {meterText} from './openflow-meters.ts';
import type {Meters} from './openflow-meters.ts';
import type {FlowState} from './openflow-render.ts';

export type PreparedSwitch = {
	/** @throws FlowError, the flows then are as before */
	readonly commit: () => Promise<void>;
	readonly discard: () => Promise<void>;
};

/** Meters stand before the flows that name them, and go after the last of those. @throws FlowError, the flows then are as before */
export async function prepareSwitch(bridge: Bridge, connection: SwitchConnection, {previous, next}: Step<FlowState>, changes: readonly FlowChange[]): Promise<PreparedSwitch> {
	const fresh = without(next.meters, previous.meters);
	const takeBack = async () => deleteMeters(bridge, fresh);
	if (next.readsHeaders && !previous.readsHeaders) {
		connection.showFirstFragments();
	}

	try {
		await addMeters(bridge, fresh);
		const bundle = await connection.prepare(changes);
		return {
			async commit() {
				await orElse(takeBack, bundle.commit);
				await deleteMeters(bridge, without(previous.meters, next.meters));
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

async function orElse(takeBack: () => Promise<void>, work: () => Promise<void>): Promise<void> {
	try {
		await work();
	} catch (error) {
		await takeBack();
		throw error;
	}
}

function without(meters: Meters, others: Meters): Meters {
	return new Map([...meters].filter(([id]) => !others.has(id)));
}

async function addMeters(bridge: Bridge, meters: Meters): Promise<void> {
	for (const [id, rate] of meters) {
		await addMeter(bridge, meterText(id, rate));
	}
}

async function deleteMeters(bridge: Bridge, meters: Meters): Promise<void> {
	for (const id of meters.keys()) {
		await deleteMeter(bridge, id);
	}
}
