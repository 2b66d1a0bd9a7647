/** A neighbor of a BGP router as we speak of it, and as GoBGP's API has it. Pure. */
import {type Address, formatAddress, tryParseAddress} from '../util/address.ts';
import {apiFamily} from './gobgp-path.ts';

/** Paths of the family of its address are exchanged. */
export type BgpNeighbor = {
	readonly address: Address;
	readonly as: number;
	/** The address of this router that the neighbor knows it by. */
	readonly localAddress: Address;
	/** A client of this router, which reflects to it what it hears from others of the AS (RFC 4456). */
	readonly client?: boolean | undefined;
	/** Seconds after which a silent neighbor is taken for gone; it hears from us three times as often. */
	readonly holdTime: number;
	/** What a person reads in lists of GoBGP's own program. */
	readonly description?: string | undefined;
};

/** Whether a session with the one is a session with the other. */
export function isSameNeighbor(a: BgpNeighbor, b: BgpNeighbor | undefined): boolean {
	return b !== undefined && a.as === b.as && a.client === b.client && a.holdTime === b.holdTime && formatAddress(a.localAddress) === formatAddress(b.localAddress);
}

/** States of RFC 4271, 8.2.2, in the order in which GoBGP's API numbers them. */
const sessionStates = ['unknown', 'idle', 'connect', 'active', 'open-sent', 'open-confirm', 'established'] as const;

export type SessionState = (typeof sessionStates)[number];

export type NeighborState = {
	readonly address: Address;
	readonly as: number;
	readonly state: SessionState;
	/** Milliseconds since the session was established; absent unless it is. */
	readonly uptime?: number | undefined;
	/** Seconds, as the two agreed; absent unless the session is established. */
	readonly holdTime?: number | undefined;
	/** Prefixes. */
	readonly received: number;
	readonly advertised: number;
};

/** Hops that packets of a session between two AS may take; BGP's own default is 1. */
const multihopTtl = 255;
/** The least that GoBGP 3 takes, in seconds; it tries after a time by chance between this and twice this. */
const connectRetry = 5;

/** Only what we read. */
export type ApiPeer = {
	readonly conf?: {readonly peer_asn: number; readonly neighbor_address: string} | null;
	readonly state?: {readonly session_state: number} | null;
	readonly timers?: {readonly state?: {readonly negotiated_hold_time: number; readonly uptime?: {readonly seconds: number} | null} | null} | null;
	readonly afi_safis?: ReadonlyArray<{readonly state?: {readonly received: number; readonly advertised: number} | null}>;
};

/** @param as the router's own */
export function apiPeer({address, as: peerAs, localAddress, client, holdTime, description}: BgpNeighbor, as: number): object {
	return {
		conf: {neighbor_address: formatAddress(address), peer_asn: peerAs, description: description ?? ''},
		transport: {local_address: formatAddress(localAddress)},
		timers: {config: {connect_retry: connectRetry, hold_time: holdTime, keepalive_interval: Math.max(1, Math.floor(holdTime / 3)), idle_hold_time_after_reset: 1}},
		afi_safis: [{config: {family: apiFamily(address.family), enabled: true}}],
		...peerAs === as ? {} : {ebgp_multihop: {enabled: true, multihop_ttl: multihopTtl}},
		...client ? {route_reflector: {route_reflector_client: true}} : {},
	};
}

/** Undefined when it has no address. @param now milliseconds since the epoch */
export function tryReadNeighbor({conf, state, timers, afi_safis: families = []}: ApiPeer, now: number): NeighborState | undefined {
	const address = tryParseAddress(conf?.neighbor_address ?? '');
	const session = sessionStates[state?.session_state ?? 0] ?? 'unknown';
	const isEstablished = session === 'established';
	const sum = (count: 'received' | 'advertised') => families.reduce((total, family) => total + (family.state?.[count] ?? 0), 0);
	return address && {
		address,
		as: conf?.peer_asn ?? 0,
		state: session,
		...isEstablished ? {uptime: Math.max(0, now - ((timers?.state?.uptime?.seconds ?? 0) * 1000)), holdTime: timers?.state?.negotiated_hold_time} : {},
		received: sum('received'),
		advertised: sum('advertised'),
	};
}
