/** The part of GoBGP's gRPC API that we speak: messages and field numbers of its gobgp.proto and attribute.proto, release 3. It stands in code, so that it is part of any bundle. */

/** Name to type and field number; `[]` behind the type where a field may come several times. */
type Fields = Readonly<Record<string, readonly [type: string, number: number]>>;
type Method = {readonly request: string; readonly response: string; readonly requestStream?: true; readonly responseStream?: true};

/** Enumerations are numbers here; those that we name stand in gobgp-neighbor.ts and gobgp-path.ts. */
const messages: Readonly<Record<string, Fields>> = {
	Global: {asn: ['uint32', 1], router_id: ['string', 2], listen_port: ['int32', 3], listen_addresses: ['string[]', 4]},
	StartBgpRequest: {global: ['Global', 1]},

	Family: {afi: ['int32', 1], safi: ['int32', 2]},
	PeerConf: {description: ['string', 2], neighbor_address: ['string', 4], peer_asn: ['uint32', 5]},
	EbgpMultihop: {enabled: ['bool', 1], multihop_ttl: ['uint32', 2]},
	RouteReflector: {route_reflector_client: ['bool', 1], route_reflector_cluster_id: ['string', 2]},
	PeerState: {neighbor_address: ['string', 5], peer_asn: ['uint32', 6], session_state: ['int32', 13], admin_state: ['int32', 15], router_id: ['string', 20]},
	TimersConfig: {connect_retry: ['uint64', 1], hold_time: ['uint64', 2], keepalive_interval: ['uint64', 3], idle_hold_time_after_reset: ['uint64', 5]},
	TimersState: {negotiated_hold_time: ['uint64', 5], uptime: ['Timestamp', 6]},
	Timers: {config: ['TimersConfig', 1], state: ['TimersState', 2]},
	Transport: {local_address: ['string', 1]},
	AfiSafiConfig: {family: ['Family', 1], enabled: ['bool', 2]},
	AfiSafiState: {family: ['Family', 1], enabled: ['bool', 2], received: ['uint64', 3], accepted: ['uint64', 4], advertised: ['uint64', 5]},
	AfiSafi: {config: ['AfiSafiConfig', 2], state: ['AfiSafiState', 3]},
	Peer: {
		conf: ['PeerConf', 2], ebgp_multihop: ['EbgpMultihop', 3], route_reflector: ['RouteReflector', 4], state: ['PeerState', 5],
		timers: ['Timers', 6], transport: ['Transport', 7], afi_safis: ['AfiSafi[]', 10],
	},
	AddPeerRequest: {peer: ['Peer', 1]},
	UpdatePeerRequest: {peer: ['Peer', 1], do_soft_reset_in: ['bool', 2]},
	UpdatePeerResponse: {needs_soft_reset_in: ['bool', 1]},
	DeletePeerRequest: {address: ['string', 1]},
	ListPeerRequest: {address: ['string', 1], enableAdvertised: ['bool', 2]},
	ListPeerResponse: {peer: ['Peer', 1]},

	IPAddressPrefix: {prefix_len: ['uint32', 1], prefix: ['string', 2]},
	OriginAttribute: {origin: ['uint32', 1]},
	AsSegment: {type: ['int32', 1], numbers: ['uint32[]', 2]},
	AsPathAttribute: {segments: ['AsSegment[]', 1]},
	NextHopAttribute: {next_hop: ['string', 1]},
	LocalPrefAttribute: {local_pref: ['uint32', 1]},
	OriginatorIdAttribute: {id: ['string', 1]},
	ClusterListAttribute: {ids: ['string[]', 1]},
	MpReachNLRIAttribute: {family: ['Family', 1], next_hops: ['string[]', 2], nlris: ['google.protobuf.Any[]', 3]},
	Path: {
		nlri: ['google.protobuf.Any', 1], pattrs: ['google.protobuf.Any[]', 2], age: ['Timestamp', 3], best: ['bool', 4], is_withdraw: ['bool', 5], family: ['Family', 9],
		neighbor_ip: ['string', 15],
	},
	AddPathStreamRequest: {table_type: ['int32', 1], paths: ['Path[]', 3]},
	DeletePathRequest: {table_type: ['int32', 1], family: ['Family', 3], path: ['Path', 4]},
	ListPathRequest: {table_type: ['int32', 1], name: ['string', 2], family: ['Family', 3]},
	Destination: {prefix: ['string', 1], paths: ['Path[]', 2]},
	ListPathResponse: {destination: ['Destination', 1]},

	WatchPeer: {},
	WatchFilter: {type: ['int32', 1], init: ['bool', 2]},
	WatchTable: {filters: ['WatchFilter[]', 1]},
	WatchEventRequest: {peer: ['WatchPeer', 1], table: ['WatchTable', 2]},
	PeerEvent: {type: ['int32', 1], peer: ['Peer', 2]},
	TableEvent: {paths: ['Path[]', 2]},
	WatchEventResponse: {peer: ['PeerEvent', 2], table: ['TableEvent', 3]},

	Timestamp: {seconds: ['int64', 1], nanos: ['int32', 2]},
	Empty: {},
};

const methods = {
	StartBgp: {request: 'StartBgpRequest', response: 'Empty'},
	AddPeer: {request: 'AddPeerRequest', response: 'Empty'},
	UpdatePeer: {request: 'UpdatePeerRequest', response: 'UpdatePeerResponse'},
	DeletePeer: {request: 'DeletePeerRequest', response: 'Empty'},
	ListPeer: {request: 'ListPeerRequest', response: 'ListPeerResponse', responseStream: true},
	AddPathStream: {request: 'AddPathStreamRequest', response: 'Empty', requestStream: true},
	DeletePath: {request: 'DeletePathRequest', response: 'Empty'},
	ListPath: {request: 'ListPathRequest', response: 'ListPathResponse', responseStream: true},
	WatchEvent: {request: 'WatchEventRequest', response: 'WatchEventResponse', responseStream: true},
} as const satisfies Readonly<Record<string, Method>>;

export type GobgpMethod = keyof typeof methods;

/** Names of types in an Any begin with this. */
export const typeUrl = 'type.googleapis.com/apipb.';
export const serviceName = 'apipb.GobgpApi';

/** As protobufjs takes it: its JSON descriptor. */
export function gobgpSchema() {
	const types = Object.fromEntries(Object.entries(messages).map(([name, fields]) => [name, typeOf(fields)]));
	const service = {methods: Object.fromEntries(Object.entries(methods).map(([name, {request, response, ...streams}]) => [name, {requestType: request, responseType: response, ...streams}]))};
	const any = typeOf({type_url: ['string', 1], value: ['bytes', 2]});
	return {nested: {
		apipb: {nested: {...types, GobgpApi: service}},
		google: {nested: {protobuf: {nested: {Any: any}}}},
	}};
}

function typeOf(fields: Fields) {
	return {fields: Object.fromEntries(Object.entries(fields).map(([name, [type, id]]) => [
		name,
		type.endsWith('[]') ? {rule: 'repeated', type: type.slice(0, -2), id} : {type, id},
	]))};
}
