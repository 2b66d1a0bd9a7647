/** What rules of other programs tell packets by, beyond what ours can: in the words of ip-rule(8), for those who list them. */
import type {Attributes} from './netlink-attributes.ts';
import {protocolName} from './protocol.ts';

/** Attributes of linux/fib_rules.h. */
const fra = {tunnel: 12, output: 17, l3mdev: 19, users: 20, protocol: 22, sourcePorts: 23, targetPorts: 24, dscp: 25, flowLabel: 26} as const;

/** None for a rule that ours could be. @param tos of the header */
export function otherWords(attributes: Attributes, tos: number): string[] {
	const [output, protocol, tunnel, dscp] = [attributes.bytes(fra.output), attributes.hostNumber(fra.protocol), attributes.bytes(fra.tunnel), attributes.hostNumber(fra.dscp)];
	return [
		...tos === 0 ? [] : [`tos 0x${tos.toString(16)}`],
		...dscp === undefined ? [] : [`dscp ${dscp}`],
		...attributes.bytes(fra.flowLabel).length === 0 ? [] : ['flowlabel'],
		...output.length === 0 ? [] : [`oif ${output.toString('utf8', 0, output.length - 1)}`],
		...(attributes.hostNumber(fra.l3mdev) ?? 0) === 0 ? [] : ['l3mdev'],
		...rangeIn(attributes, fra.users, 'uidrange', 4),
		...protocol === undefined ? [] : [`ipproto ${protocolName(protocol)}`],
		...rangeIn(attributes, fra.sourcePorts, 'sport', 2),
		...rangeIn(attributes, fra.targetPorts, 'dport', 2),
		...tunnel.length === 0 ? [] : [`tun_id ${tunnel.readBigUInt64BE()}`],
	];
}

/** @param width bytes of each of its two numbers */
function rangeIn(attributes: Attributes, type: number, word: string, width: number): string[] {
	const bytes = attributes.bytes(type);
	if (bytes.length === 0) {
		return [];
	}

	const [first, last] = [bytes.readUIntLE(0, width), bytes.readUIntLE(width, width)];
	return [`${word} ${first === last && word !== 'uidrange' ? first : `${first}-${last}`}`];
}
