/** Connections that the kernel tracks in a namespace, listed and deleted by ctnetlink. */
import type {Family} from '../util/address.ts';
import {SecureNetError, messageOf} from '../util/errors.ts';
import {type MarkMatch, ctMessage, readConnection, writeConnection, writeMark} from './ctnetlink.ts';
import {type Namespace, inside} from './namespace.ts';
import {dump} from './netlink-dump.ts';
import {NETLINK_NETFILTER, writeHeader} from './nfnetlink.ts';
import {type ProtocolFields, protocolFields, protocolNumber} from './protocol.ts';
import {Rtnetlink, RtnetlinkError} from './rtnetlink.ts';
import {getSysctl} from './sysctl.ts';

/** A connection in its original direction. */
export type TrackedConnection = ProtocolFields & {
	readonly family: Family;
	/** A name of `protocolNumber`, else the number. */
	readonly protocol: string;
	readonly source: string;
	readonly destination: string;
	/** Such as `SYN_SENT` or `ESTABLISHED`; of protocols that have states. */
	readonly state?: string;
	/** Connection mark; 0 when nobody set one. */
	readonly mark: number;
	/** Connection tracking zone; absent for zone 0. */
	readonly zone?: number;
};

/**
Connections of both families. The kernel looks through its table in pieces, so one that is made or moved meanwhile may be missing or stand twice.
Equivalent to: `ip netns exec NAMESPACE conntrack --dump [--mark VALUE/MASK]`, without the 10 ms that a program start takes

@param options.mark lists only the connections whose mark has `value` in the bits of `mask`
@throws KernelError when the kernel refuses
*/
export async function listConnections(namespace: Namespace, {mark}: {readonly mark?: MarkMatch} = {}): Promise<TrackedConnection[]> {
	return Promise.resolve(hasNone(namespace) ? [] : dump(namespace, {
		protocol: NETLINK_NETFILTER,
		type: ctMessage.get,
		object: 'connections',
		fill(request) {
			writeHeader(request, 'both');
			if (mark) {
				writeMark(request, mark);
			}
		},
		read: readConnection,
	}));
}

/**
One table of 262,144 places serves all namespaces, and to look through it takes 5 ms even for a namespace without
connections; its count takes 0.1 ms. False when that cannot be read, as before connection tracking is loaded.
*/
function hasNone(namespace: Namespace): boolean {
	try {
		return inside(namespace, () => getSysctl('net/netfilter/nf_conntrack_count')) === '0';
	} catch {
		return false;
	}
}

/**
Deletes connections, all in one batch; one that is gone already is fine. conntrack(8) would read the whole table again
for each: 14 s for 1,000 connections, where this takes 10 ms.
Equivalent to: `ip netns exec NAMESPACE conntrack --delete --proto … --orig-src … --orig-dst … --sport … --dport …`, once a connection

@throws ConnectionsError with those that the kernel refuses to delete for another reason; the others are deleted
*/
export function deleteConnections(namespace: Namespace, connections: readonly TrackedConnection[]): void {
	using netfilter = new Rtnetlink(namespace, undefined, NETLINK_NETFILTER);
	const failures: string[] = [];
	for (const connection of connections) {
		attempt(connection, failures, () => {
			const number = protocolNumber(connection.protocol);
			netfilter.add(ctMessage.delete, 0, {operation: 'delete connection', object: describe(connection)}, request => {
				writeHeader(request, connection.family);
				writeConnection(request, connection, number);
			});
		});
	}

	try {
		netfilter.flush();
	} catch (error) {
		if (!(error instanceof RtnetlinkError)) {
			throw error;
		}

		failures.push(...error.failures.filter(({errno}) => errno !== 'ENOENT').map(({object, errno, reason}) => `${object}: ${errno}${reason === undefined ? '' : ` (${reason})`}`));
	}

	throwFailures(failures);
}

/** Whether the kernel tracks connections by zone: without, it refuses a request that names one. */
export function hasZones(namespace: Namespace): boolean {
	using netfilter = new Rtnetlink(namespace, undefined, NETLINK_NETFILTER);
	const nobodys = {family: 4, protocol: 'udp', source: '0.0.0.0', destination: '0.0.0.0', sport: 0, dport: 0, mark: 0, zone: 1} as const;
	netfilter.add(ctMessage.get, 0, {operation: 'get connection', object: describe(nobodys)}, request => {
		writeHeader(request, nobodys.family);
		writeConnection(request, nobodys, protocolNumber(nobodys.protocol));
	});
	try {
		netfilter.flush();
		return true;
	} catch (error) {
		if (error instanceof RtnetlinkError) {
			return error.errno === 'ENOENT';
		}

		throw error;
	}
}

/** Connections that could not be deleted and go on. All others were deleted. */
export class ConnectionsError extends SecureNetError {
	override name = 'ConnectionsError';
	/** Each names a connection and the reason. */
	readonly failures: readonly string[];

	constructor(failures: readonly string[]) {
		const [first = '', ...others] = failures;
		super('connections', `A connection goes on that was to be cut: ${first}${others.length === 0 ? '' : `; and ${others.length} more`}`);
		this.failures = failures;
	}
}

/**
Does something with one connection, so that none keeps others alive: what that throws is kept for `throwFailures`.

@returns whether it succeeded
*/
export function attempt(connection: TrackedConnection, failures: string[], work: (connection: TrackedConnection) => unknown): boolean {
	try {
		work(connection);
		return true;
	} catch (error) {
		failures.push(`${describe(connection)}: ${messageOf(error)}`);
		return false;
	}
}

/** @throws ConnectionsError when there are any */
export function throwFailures(failures: readonly string[]): void {
	if (failures.length > 0) {
		throw new ConnectionsError(failures);
	}
}

/** Such as `tcp 10.0.0.1:1234 → 10.0.0.2:80`. */
export function describe({protocol, source, destination, sport, dport, icmp}: TrackedConnection): string {
	const [from, to] = [sport, dport].map(port => port === undefined ? '' : `:${port}`);
	return `${protocol} ${source}${from ?? ''} → ${destination}${to ?? ''}${icmp ? ` id ${icmp.id}` : ''}`;
}

/** Builds a connection from the fields that a tracker prints. */
export function connectionOf(family: Family, protocol: string, fields: ReadonlyMap<string, string>): TrackedConnection {
	const number = (key: string) => Number(fields.get(key) ?? 0);
	const zone = fields.has('zone') ? {zone: number('zone')} : {};
	const state = fields.get('state');
	return {
		family, protocol, source: fields.get('src') ?? '', destination: fields.get('dst') ?? '', ...protocolFields(protocol, number),
		...state === undefined ? {} : {state}, mark: number('mark'), ...zone,
	};
}
