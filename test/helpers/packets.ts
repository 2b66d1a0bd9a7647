/** Packets written the short way, for tables of verdicts. */
import type {Packet} from '../../lib/policy/evaluate.ts';
import {formatAddress, parseAddress} from '../../lib/util/address.ts';

/**
Reads `SOURCE > DESTINATION`, then perhaps `tcp|udp|sctp [SPORT:]DPORT`, `icmp TYPE[/CODE]` (ICMPv6 between IPv6 addresses) or `proto N`, then perhaps
`midstream` for a packet that opens no connection. Default: `tcp 1024:80`.
*/
export function packetOf(text: string): Packet {
	const [source = '', , destination = '', kind = 'tcp', what = '80'] = text.replace(' midstream', '').split(' ');
	const from = parseAddress(source);
	return {source: from, destination: parseAddress(destination), ...header(kind, what, from.family), ...(text.endsWith(' midstream') ? {opens: false} : {})};
}

/** In one line, as far as a message needs it. */
export function packetText({source, destination, opens = true, ...header}: Packet): string {
	const rest = Object.entries(header).map(([key, value]) => `${key} ${value}`).join(' ');
	return `${formatAddress(source)} > ${formatAddress(destination)} ${rest}${opens ? '' : ' midstream'}`;
}

function header(kind: string, what: string, family: 4 | 6): Omit<Packet, 'source' | 'destination'> {
	if (kind === 'icmp') {
		const [icmpType = 0, icmpCode = 0] = what.split('/').map(Number);
		return {protocol: family === 4 ? 1 : 58, icmpType, icmpCode};
	}

	const protocol = {tcp: 6, udp: 17, sctp: 132}[kind];
	const [dport = 0, sport = 1024] = what.split(':').reverse().map(Number);
	return protocol === undefined ? {protocol: Number(what)} : {protocol, sport, dport};
}
