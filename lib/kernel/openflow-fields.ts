/** The fields that flows match and set: their names, numbers, widths, and the protocol a packet must have to have them. See ovs-fields(7). */
import {nearestTo} from '../util/names.ts';
import type {ByteWriter} from './openflow-bytes.ts';
import {WordError} from './openflow-errors.ts';
import {type Masked, type ReadValue, allOnes, readConnectionState, readFragment, readIpv4, readIpv6, readMac, readNumber, readPort, readTcpFlags} from './openflow-values.ts';

export type Field = {
	readonly name: string;
	readonly bits: number;
	/** Class and number as the header of a TLV has them; its length and mask bit are zero. */
	readonly id: number;
	readonly read: ReadValue;
	readonly isMaskable: boolean;
	/** What the flow must match besides. */
	readonly needs: Protocol;
	/** Fields go in this order, so that a switch meets the protocol before its fields. */
	readonly order: number;
};

/** Classes of fields: OXM_OF_…, NXM_OF_… and NXM_NX_…. */
const oxm = 0x80_00_00_00;
const nxmOf = 0;
const nxmNx = 0x1_00_00;

/** Numbers of EtherTypes and of IP protocols (IANA). */
const etherType = {ip: 0x08_00, arp: 0x08_06, ipv6: 0x86_DD} as const;
const ipProtocol = {icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132} as const;
/** ICMPv6 types of RFC 4861. */
const neighbor = {solicitation: 135, advertisement: 136} as const;

export type Protocol = {
	/** As a sentence names it. */
	readonly name: string;
	readonly etherTypes?: readonly number[];
	readonly ipProtocol?: number;
	readonly icmpTypes?: readonly number[];
};

const anything: Protocol = {name: 'anything'};
const arp: Protocol = {name: 'arp', etherTypes: [etherType.arp]};
const ipv4: Protocol = {name: 'ip', etherTypes: [etherType.ip]};
const ipv6: Protocol = {name: 'ipv6', etherTypes: [etherType.ipv6]};
const anyIp: Protocol = {name: 'ip or ipv6', etherTypes: [etherType.ip, etherType.ipv6]};
const tcp: Protocol = {...anyIp, name: 'tcp or tcp6', ipProtocol: ipProtocol.tcp};
const udp: Protocol = {...anyIp, name: 'udp or udp6', ipProtocol: ipProtocol.udp};
const sctp: Protocol = {...anyIp, name: 'sctp or sctp6', ipProtocol: ipProtocol.sctp};
const icmp: Protocol = {...ipv4, name: 'icmp', ipProtocol: ipProtocol.icmp};
const icmp6: Protocol = {...ipv6, name: 'icmp6', ipProtocol: ipProtocol.icmp6};
const solicitation: Protocol = {...icmp6, name: `icmp6,icmp_type=${neighbor.solicitation}`, icmpTypes: [neighbor.solicitation]};
const advertisement: Protocol = {...icmp6, name: `icmp6,icmp_type=${neighbor.advertisement}`, icmpTypes: [neighbor.advertisement]};
const discovery: Protocol = {...icmp6, name: `icmp6,icmp_type=${neighbor.solicitation} or ${neighbor.advertisement}`, icmpTypes: [neighbor.solicitation, neighbor.advertisement]};

export type ProtocolWord = {readonly etherType: number; readonly ipProtocol?: number};

/** The words that stand for an EtherType and an IP protocol. */
export const protocolWords: ReadonlyMap<string, ProtocolWord> = new Map<string, ProtocolWord>([
	['arp', {etherType: etherType.arp}],
	['ip', {etherType: etherType.ip}],
	['ipv6', {etherType: etherType.ipv6}],
	['icmp', {etherType: etherType.ip, ipProtocol: ipProtocol.icmp}],
	['icmp6', {etherType: etherType.ipv6, ipProtocol: ipProtocol.icmp6}],
	...(['tcp', 'udp', 'sctp'] as const).flatMap((name): Array<[string, ProtocolWord]> => [
		[name, {etherType: etherType.ip, ipProtocol: ipProtocol[name]}],
		[`${name}6`, {etherType: etherType.ipv6, ipProtocol: ipProtocol[name]}],
	]),
]);

type Row = readonly [names: string, id: number, bits: number, read: ReadValue, masks: 'masked' | 'exact', needs: Protocol];

/** The first name is the one ovs-ofctl prints; the others mean the same. */
const rows: readonly Row[] = [
	['in_port NXM_OF_IN_PORT', of(nxmOf, 0), 16, readPort, 'exact', anything],
	['metadata OXM_OF_METADATA', of(oxm, 2), 64, readNumber, 'masked', anything],
	...Array.from({length: 16}, (_, index): Row => [`reg${index} NXM_NX_REG${index}`, of(nxmNx, index), 32, readNumber, 'masked', anything]),
	['conj_id NXM_NX_CONJ_ID', of(nxmNx, 37), 32, readNumber, 'exact', anything],
	['ct_state NXM_NX_CT_STATE', of(nxmNx, 105), 32, readConnectionState, 'masked', anything],
	['ct_zone NXM_NX_CT_ZONE', of(nxmNx, 106), 16, readNumber, 'exact', anything],
	['ct_mark NXM_NX_CT_MARK', of(nxmNx, 107), 32, readNumber, 'masked', anything],
	['dl_src eth_src NXM_OF_ETH_SRC OXM_OF_ETH_SRC', of(oxm, 4), 48, readMac, 'masked', anything],
	['dl_dst eth_dst NXM_OF_ETH_DST OXM_OF_ETH_DST', of(oxm, 3), 48, readMac, 'masked', anything],
	['vlan_tci NXM_OF_VLAN_TCI', of(nxmOf, 4), 16, readNumber, 'masked', anything],
	['dl_type eth_type', of(oxm, 5), 16, readNumber, 'exact', anything],
	['nw_proto ip_proto', of(oxm, 10), 8, readNumber, 'exact', anyIp],
	['nw_ttl NXM_NX_IP_TTL', of(nxmNx, 29), 8, readNumber, 'exact', anyIp],
	['nw_frag ip_frag', of(nxmNx, 26), 8, readFragment, 'masked', anyIp],
	['nw_src ip_src NXM_OF_IP_SRC OXM_OF_IPV4_SRC', of(oxm, 11), 32, readIpv4, 'masked', ipv4],
	['nw_dst ip_dst NXM_OF_IP_DST OXM_OF_IPV4_DST', of(oxm, 12), 32, readIpv4, 'masked', ipv4],
	['ipv6_src NXM_NX_IPV6_SRC OXM_OF_IPV6_SRC', of(oxm, 26), 128, readIpv6, 'masked', ipv6],
	['ipv6_dst NXM_NX_IPV6_DST OXM_OF_IPV6_DST', of(oxm, 27), 128, readIpv6, 'masked', ipv6],
	['tcp_src NXM_OF_TCP_SRC OXM_OF_TCP_SRC', of(oxm, 13), 16, readNumber, 'masked', tcp],
	['tcp_dst NXM_OF_TCP_DST OXM_OF_TCP_DST', of(oxm, 14), 16, readNumber, 'masked', tcp],
	['tcp_flags NXM_NX_TCP_FLAGS', of(nxmNx, 34), 16, readTcpFlags, 'masked', tcp],
	['udp_src NXM_OF_UDP_SRC OXM_OF_UDP_SRC', of(oxm, 15), 16, readNumber, 'masked', udp],
	['udp_dst NXM_OF_UDP_DST OXM_OF_UDP_DST', of(oxm, 16), 16, readNumber, 'masked', udp],
	['sctp_src OXM_OF_SCTP_SRC', of(oxm, 17), 16, readNumber, 'masked', sctp],
	['sctp_dst OXM_OF_SCTP_DST', of(oxm, 18), 16, readNumber, 'masked', sctp],
	['icmp_type NXM_OF_ICMP_TYPE', of(oxm, 19), 8, readNumber, 'exact', icmp],
	['icmp_code NXM_OF_ICMP_CODE', of(oxm, 20), 8, readNumber, 'exact', icmp],
	['icmpv6_type NXM_NX_ICMPV6_TYPE', of(oxm, 29), 8, readNumber, 'exact', icmp6],
	['icmpv6_code NXM_NX_ICMPV6_CODE', of(oxm, 30), 8, readNumber, 'exact', icmp6],
	['nd_target NXM_NX_ND_TARGET', of(oxm, 31), 128, readIpv6, 'masked', discovery],
	['nd_sll NXM_NX_ND_SLL', of(oxm, 32), 48, readMac, 'masked', solicitation],
	['nd_tll NXM_NX_ND_TLL', of(oxm, 33), 48, readMac, 'masked', advertisement],
	['arp_op NXM_OF_ARP_OP', of(oxm, 21), 16, readNumber, 'exact', arp],
	['arp_spa NXM_OF_ARP_SPA', of(oxm, 22), 32, readIpv4, 'masked', arp],
	['arp_tpa NXM_OF_ARP_TPA', of(oxm, 23), 32, readIpv4, 'masked', arp],
	['arp_sha NXM_NX_ARP_SHA', of(oxm, 24), 48, readMac, 'masked', arp],
	['arp_tha NXM_NX_ARP_THA', of(oxm, 25), 48, readMac, 'masked', arp],
];

const fields: ReadonlyMap<string, Field> = new Map(rows.flatMap(([names, id, bits, read, masks, needs], order) => {
	const [name = ''] = names.split(' ');
	const field = {name, bits, id, read, isMaskable: masks === 'masked', needs, order};
	return names.split(' ').map(each => [each, field] as const);
}));

/** Words whose field depends on the protocol that a flow matches. */
const shared: ReadonlyMap<string, readonly Field[]> = new Map([
	['tp_src', ['tcp_src', 'udp_src', 'sctp_src'].map(fieldNamed)],
	['tp_dst', ['tcp_dst', 'udp_dst', 'sctp_dst'].map(fieldNamed)],
	['icmp_type', ['icmp_type', 'icmpv6_type'].map(fieldNamed)],
	['icmp_code', ['icmp_code', 'icmpv6_code'].map(fieldNamed)],
]);

/**
The field that a word means to packets of which `isGiven` says whether they are of a protocol.

@throws WordError for an unknown word, and for a field that such packets need not have
*/
export function fieldFor(word: string, isGiven: (protocol: Protocol) => boolean): Field {
	const candidates = shared.get(word) ?? [fieldNamed(word)];
	const field = candidates.find(({needs}) => isGiven(needs));
	if (!field) {
		throw new WordError(word, `needs ${candidates.map(({needs}) => needs.name).join(' or ')} in the match`);
	}

	return field;
}

/** @throws WordError */
export function fieldNamed(word: string): Field {
	const field = fields.get(word);
	if (!field) {
		throw new WordError(word, `is no field that can be matched or set.${nearestTo(word, fields.keys()).hint}`);
	}

	return field;
}

/** The header that names the field in a match or an action. @param isMasked whether a mask follows the value */
export function headerOf({id, bits}: Field, isMasked = false): number {
	return id + (isMasked ? 0x1_00 + (bits / 4) : bits / 8);
}

/** Header, value and, when not all bits matter, the mask. */
export function writeField(writer: ByteWriter, field: Field, {value, mask}: Masked): void {
	const length = field.bits / 8;
	const isMasked = mask !== allOnes(field.bits);
	writer.u32(headerOf(field, isMasked)).wide(value, length);
	if (isMasked) {
		writer.wide(mask, length);
	}
}

/** A field's number stands above the mask bit and the length. */
function of(fieldClass: number, number: number): number {
	return fieldClass + (number * 0x2_00);
}
