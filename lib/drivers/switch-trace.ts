/** What a switch itself says it would do with the first packet of a connection, by `ofproto/trace`. No packet is sent. */
import {type Bridge, trace} from '../kernel/openflow.ts';
import type {Packet} from '../policy/evaluate.ts';
import {protocolNumbers} from '../policy/traffic.ts';
import {type Mac, formatAddress} from '../util/address.ts';
import {ruleOfCookie} from './flow.ts';

/** How a frame comes into a switch. */
export type Arrival = {readonly port: number; readonly source: Mac; readonly destination: Mac};

export type SwitchDecision = {
	readonly passes: boolean;
	/** The rule whose flow the packet met last; undefined when it met none. */
	readonly rule?: number;
};

/** Any that is not about to end. */
const hopLimit = 64;

/** @throws RpcError when the switch cannot read the packet */
export async function traceSwitch(bridge: Bridge, {port, source, destination}: Arrival, packet: Packet): Promise<SwitchDecision> {
	const answer = await trace(bridge, `in_port=${port},dl_src=${source},dl_dst=${destination},${fieldsOf(packet)},nw_ttl=${hopLimit}`, ['trk,new']);
	const outputs = [...answer.matchAll(/^Datapath actions: (.*)$/gm)].at(-1)?.[1] ?? '';
	const [rule] = [...answer.matchAll(/^ ?\d+\. .*\bcookie (0x[\da-f]+)$/gm)].map(([, cookie = '0']) => ruleOfCookie(BigInt(cookie))).filter(id => id > 0).slice(-1);
	return {passes: outputs.split(',').some(action => /^\d+$/.test(action)), ...rule === undefined ? {} : {rule}};
}

/** By the names of ovs-fields(7). */
function fieldsOf({source, destination, protocol, sport = 0, dport = 0, icmpType, icmpCode = 0}: Packet): string {
	const isIpv6 = source.family === 6;
	const [six, from, to] = isIpv6 ? ['6', 'ipv6_src', 'ipv6_dst'] : ['', 'nw_src', 'nw_dst'];
	const addresses = `${from}=${formatAddress(source)},${to}=${formatAddress(destination)}`;
	const ports = (name: string, flags = '') => `${name}${six},${addresses},${name}_src=${sport},${name}_dst=${dport}${flags}`;
	switch (protocol) {
		case protocolNumbers.tcp:
			return ports('tcp', ',tcp_flags=syn');
		case protocolNumbers.udp:
			return ports('udp');
		case protocolNumbers.sctp:
			return ports('sctp');
		default: {
			const icmp = isIpv6 ? 'icmpv6' : 'icmp';
			return icmpType === undefined ? `${isIpv6 ? 'ipv6' : 'ip'},nw_proto=${protocol},${addresses}` : `icmp${six},${addresses},${icmp}_type=${icmpType},${icmp}_code=${icmpCode}`;
		}
	}
}
