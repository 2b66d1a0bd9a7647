/** Which connections of a device the policy no longer allows, and their end. */
import {protocolNumber} from '../kernel/protocol.ts';
import type {TrackedConnection} from '../kernel/conntrack.ts';
import type {Packet, Verdict} from '../policy/evaluate.ts';
import {parseAddress} from '../util/address.ts';
import {SecureNetError, messageOf} from '../util/errors.ts';
import type {AnyDriver} from './device-steps.ts';

export type Revoked = {readonly count: number; readonly failures: readonly Failure[]};
export type Failure = {readonly devices: string; readonly error: unknown};

/** Every device cuts what it can, whatever becomes of the others. */
export async function revokeOn(driver: AnyDriver, devices: ReadonlyMap<string, unknown>, evaluate: (packet: Packet) => Verdict): Promise<Revoked> {
	const failures: Failure[] = [];
	let count = 0;
	for (const [device, connections] of await connectionsOf(driver, devices, failures)) {
		try {
			const refused = connections.filter(connection => {
				try {
					return !isAllowed(connection, evaluate);
				} catch (error) {
					failures.push({devices: device, error});
					return false;
				}
			});
			if (refused.length > 0) {
				await driver.cut?.(device, devices.get(device), refused);
				count += refused.length;
			}
		} catch (error) {
			failures.push({devices: device, error});
		}
	}

	return {count, failures};
}

async function connectionsOf(driver: AnyDriver, devices: ReadonlyMap<string, unknown>, failures: Failure[]): Promise<ReadonlyMap<string, readonly TrackedConnection[]>> {
	try {
		if (driver.connections) {
			return await driver.connections(devices);
		}

		await driver.settle?.();
		return new Map();
	} catch (error) {
		failures.push({devices: [...devices.keys()].join(', '), error});
		return new Map();
	}
}

/** @throws SecureNetError `revoke` naming every device, when there are failures */
export function throwFailures(failures: readonly Failure[]): void {
	if (failures.length > 0) {
		const lines = failures.map(({devices, error}) => `  ${devices}: ${messageOf(error)}`);
		throw new SecureNetError('revoke', ['Connections that the policy no longer allows may go on:', ...lines].join('\n'), {}, {cause: failures[0]?.error});
	}
}

/** A connection is kept by an allow that would make it again; what only lets single packets pass keeps none. */
function isAllowed(connection: TrackedConnection, evaluate: (packet: Packet) => Verdict): boolean {
	return keeps(evaluate(openingOf(connection)));
}

/** Whether a connection that a packet with this verdict began is kept. */
export function keeps({action, stateful}: Verdict): boolean {
	return action === 'allow' && stateful;
}

/** The packet that began the connection. */
export function openingOf({protocol, source, destination, sport, dport, icmp}: TrackedConnection): Packet {
	return {
		source: parseAddress(source),
		destination: parseAddress(destination),
		protocol: protocolNumber(protocol),
		...(sport === undefined ? {} : {sport}),
		...(dport === undefined ? {} : {dport}),
		...(icmp ? {icmpType: icmp.type, icmpCode: icmp.code} : {}),
	};
}
