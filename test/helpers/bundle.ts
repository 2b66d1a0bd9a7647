/** Flows put on a bridge at once, over a connection of their own. */
import {SwitchConnection} from '../../lib/kernel/openflow-connection.ts';
import {encodeFlow} from '../../lib/kernel/openflow-flow.ts';
import type {Bridge} from '../../lib/kernel/openflow.ts';

export async function bundle(bridge: Bridge, lines: readonly string[]): Promise<void> {
	using connection = await SwitchConnection.open(bridge);
	await connection.bundle(lines.map(encodeFlow));
}
