/** A path of BGP as we speak of it, and as GoBGP's API has it. Pure. */
import {type Address, type Family, type Prefix, formatAddress, parseAddress, tryParseAddress} from '../util/address.ts';
import {typeUrl} from './gobgp-schema.ts';

export type BgpPath = {
	readonly to: Prefix;
	/** Where to send; unspecified (0.0.0.0, ::) for what this router announces itself. */
	readonly nextHop: Address;
	/** AS numbers, nearest first; empty for what the own AS announced. */
	readonly asPath: readonly number[];
	readonly localPreference?: number | undefined;
	/** Router id of the router of this AS that announced it to a route reflector (RFC 4456). */
	readonly originator?: string | undefined;
	/** The neighbor that told of it; absent for what this router announced itself. */
	readonly neighbor?: Address | undefined;
	readonly best: boolean;
};

/** What a daemon tells of its best paths: from now on this one, or none. */
export type BestPathChange = {readonly path: BgpPath; readonly withdrawn: boolean};

/** What this router announces. */
export type Announcement = {readonly to: Prefix; readonly localPreference?: number | undefined};

/** Of the IANA registries "Address Family Numbers" and "SAFI Parameters". */
const afis = {4: 1, 6: 2} as const;
const unicast = 1;
/** ORIGIN of RFC 4271: learned by the network itself. */
const originIgp = 0;
/** AS_PATH segments of RFC 4271, as GoBGP's API numbers them. */
const asSequence = 2;

type Any = Readonly<Record<string, unknown>> & {readonly '@type'?: string};
/** Only what we read. */
export type ApiPath = {
	readonly nlri?: Any | null;
	readonly pattrs?: readonly Any[];
	readonly best?: boolean;
	readonly is_withdraw?: boolean;
	readonly neighbor_ip?: string;
};

export function apiFamily(family: Family): object {
	return {afi: afis[family], safi: unicast};
}

/** Without a next hop of its own each neighbor is told the address of this router that it has its session with. */
export function apiPath({to, localPreference}: Announcement): object {
	const nlri = any('IPAddressPrefix', {prefix_len: to.length, prefix: formatAddress({family: to.family, value: to.value})});
	const family = apiFamily(to.family);
	return {
		nlri,
		family,
		pattrs: [
			any('OriginAttribute', {origin: originIgp}),
			to.family === 4 ? any('NextHopAttribute', {next_hop: '0.0.0.0'}) : any('MpReachNLRIAttribute', {family, next_hops: ['::'], nlris: [nlri]}),
			...localPreference === undefined ? [] : [any('LocalPrefAttribute', {local_pref: localPreference})],
		],
	};
}

/** Undefined for what is no unicast path of IPv4 or IPv6. */
export function readPath({nlri, pattrs = [], best = false, neighbor_ip: neighbor}: ApiPath): BgpPath | undefined {
	const to = readPrefix(nlri);
	if (!to) {
		return undefined;
	}

	const attribute = (name: string) => pattrs.find(each => each['@type'] === typeUrl + name);
	const localPreference = attribute('LocalPrefAttribute')?.['local_pref'] as number | undefined;
	const originator = attribute('OriginatorIdAttribute')?.['id'] as string | undefined;
	const from = tryParseAddress(neighbor ?? '');
	return {
		to,
		nextHop: parseAddress(nextHopOf(attribute) ?? (to.family === 4 ? '0.0.0.0' : '::')),
		asPath: ((attribute('AsPathAttribute')?.['segments'] ?? []) as ReadonlyArray<{numbers: readonly number[]; type: number}>)
			.filter(({type}) => type === asSequence).flatMap(({numbers}) => numbers),
		...localPreference === undefined ? {} : {localPreference},
		...originator === undefined ? {} : {originator},
		...from ? {neighbor: from} : {},
		best,
	};
}

function nextHopOf(attribute: (name: string) => Any | undefined): string | undefined {
	const several = attribute('MpReachNLRIAttribute')?.['next_hops'] as readonly string[] | undefined;
	return several?.[0] ?? attribute('NextHopAttribute')?.['next_hop'] as string | undefined;
}

function readPrefix(nlri: Any | null | undefined): Prefix | undefined {
	if (nlri?.['@type'] !== `${typeUrl}IPAddressPrefix`) {
		return undefined;
	}

	const address = tryParseAddress(nlri['prefix'] as string);
	return address && {...address, length: nlri['prefix_len'] as number};
}

function any(name: string, fields: object): Any {
	return {'@type': typeUrl + name, ...fields};
}
