/** Connections that the kernel tracks in a namespace: listed by conntrack(8), deleted by ctnetlink. */
import {type Family, addressBytes, parseAddress} from '../util/address.ts';
import {SecureNetError, messageOf} from '../util/errors.ts';
import type {Namespace} from './namespace.ts';
import {run} from './process.ts';
import {type Request, Rtnetlink, RtnetlinkError} from './rtnetlink.ts';

/** A connection in its original direction. */
export type TrackedConnection = {
	readonly family: Family;
	/** As the tracker prints it: a name of `protocolNumbers`, else the number. */
	readonly protocol: string;
	readonly source: string;
	readonly destination: string;
	/** Ports, of 0 to 65535; absent where the protocol has none. */
	readonly sport?: number;
	readonly dport?: number;
	/** Of ICMP and ICMPv6 only. */
	readonly icmp?: {readonly id: number; readonly type: number; readonly code: number};
	/** Connection mark; 0 when nobody set one. */
	readonly mark: number;
	/** Connection tracking zone; absent for zone 0. */
	readonly zone?: number;
};

/** IP protocol numbers (IANA) by the names that both trackers print. */
const protocolNumbers: ReadonlyMap<string, number> = new Map(Object.entries({icmp: 1, igmp: 2, tcp: 6, udp: 17, dccp: 33, gre: 47, icmpv6: 58, sctp: 132, udplite: 136}));
/** Open vSwitch prints ports of 0 for all others too, and 0 is a port that packets can have. */
const protocolsWithPorts: ReadonlySet<string> = new Set(['tcp', 'udp', 'dccp', 'sctp', 'udplite']);

const NETLINK_NETFILTER = 12;
/** Message type of linux/netfilter/nfnetlink.h: subsystem 1, message 2. */
const deleteMessage = 0x1_02;
const NLA_F_NESTED = 0x80_00;
/** Attributes of linux/netfilter/nfnetlink_conntrack.h. */
const cta = {
	tupleOriginal: 1 | NLA_F_NESTED, zone: 18,
	ip: 1 | NLA_F_NESTED, protocol: 2 | NLA_F_NESTED,
	v4Source: 1, v4Destination: 2, v6Source: 3, v6Destination: 4,
	number: 1, sourcePort: 2, destinationPort: 3,
	icmpId: 4, icmpType: 5, icmpCode: 6, icmpv6Id: 7, icmpv6Type: 8, icmpv6Code: 9,
} as const;
const addressFamilies = {4: 2, 6: 10} as const;
/** Milliseconds; 100,000 connections take 0.5 s on an idle machine. */
const timeout = 30_000;

/** All connections of both families. Equivalent to: `ip netns exec NAMESPACE conntrack --dump --output extended` */
export async function listConnections(namespace: Namespace): Promise<TrackedConnection[]> {
	const {stdout} = await run(['conntrack', '--dump', '--output', 'extended'], {namespace, timeout});
	return stdout.split('\n').filter(line => line.startsWith('ipv')).map(readConnection);
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
			netfilter.add(deleteMessage, 0, {operation: 'delete connection', object: describe(connection)}, request => {
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

/**
Protocol number of a name that the trackers print, or of the number they print when they know no name.

@throws SecureNetError `protocol` when it is neither
*/
export function protocolNumber(protocol: string): number {
	const number = protocolNumbers.get(protocol) ?? (/^\d{1,3}$/.test(protocol) ? Number(protocol) : undefined);
	if (number === undefined) {
		throw new SecureNetError('protocol', `The number of protocol "${protocol}" is not known`);
	}

	return number;
}

/** Such as `tcp 10.0.0.1:1234 → 10.0.0.2:80`. */
export function describe({protocol, source, destination, sport, dport, icmp}: TrackedConnection): string {
	const [from, to] = [sport, dport].map(port => port === undefined ? '' : `:${port}`);
	return `${protocol} ${source}${from ?? ''} → ${destination}${to ?? ''}${icmp ? ` id ${icmp.id}` : ''}`;
}

/** `ipv4 2 tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… … [ASSURED] mark=1 zone=2 use=1`: the first of each key is the original direction's. */
function readConnection(line: string): TrackedConnection {
	const [family, , protocol = '', number = ''] = line.split(/ +/);
	const fields = new Map([...line.matchAll(/\b(\w+)=(\S+)/g)].reverse().map(([, key = '', value = '']) => [key, value]));
	return connectionOf(family === 'ipv6' ? 6 : 4, protocolNumbers.has(protocol) ? protocol : number, fields);
}

/** Builds a connection from the fields that both trackers print under the same names. */
export function connectionOf(family: Family, protocol: string, fields: ReadonlyMap<string, string>): TrackedConnection {
	const number = (key: string) => Number(fields.get(key) ?? 0);
	const ports = protocolsWithPorts.has(protocol) ? {sport: number('sport'), dport: number('dport')} : {};
	const icmp = protocol.startsWith('icmp') ? {icmp: {id: number('id'), type: number('type'), code: number('code')}} : {};
	const zone = fields.has('zone') ? {zone: number('zone')} : {};
	return {family, protocol, source: fields.get('src') ?? '', destination: fields.get('dst') ?? '', ...ports, ...icmp, mark: number('mark'), ...zone};
}

function writeConnection(request: Request, connection: TrackedConnection, protocol: number): void {
	const {family, zone} = connection;
	request.fixed(4, header => {
		header[0] = addressFamilies[family];
	});
	request.nested(cta.tupleOriginal, () => {
		request.nested(cta.ip, () => {
			request.attribute(family === 4 ? cta.v4Source : cta.v6Source, addressBytes(parseAddress(connection.source)));
			request.attribute(family === 4 ? cta.v4Destination : cta.v6Destination, addressBytes(parseAddress(connection.destination)));
		});
		request.nested(cta.protocol, () => {
			request.attribute(cta.number, byte(protocol));
			writeProtocolFields(request, connection);
		});
	});
	if (zone !== undefined) {
		request.attribute(cta.zone, bigEndian(zone));
	}
}

function writeProtocolFields(request: Request, {family, protocol, sport, dport, icmp}: TrackedConnection): void {
	if (icmp) {
		request.attribute(family === 4 ? cta.icmpId : cta.icmpv6Id, bigEndian(icmp.id));
		request.attribute(family === 4 ? cta.icmpType : cta.icmpv6Type, byte(icmp.type));
		request.attribute(family === 4 ? cta.icmpCode : cta.icmpv6Code, byte(icmp.code));
	} else if (sport !== undefined || dport !== undefined || protocol === 'gre') {
		request.attribute(cta.sourcePort, bigEndian(sport ?? 0));
		request.attribute(cta.destinationPort, bigEndian(dport ?? 0));
	}
}

function byte(value: number): Uint8Array {
	return Uint8Array.of(value);
}

function bigEndian(value: number): Uint8Array {
	return Uint8Array.of(value >> 8, value & 0xFF);
}
