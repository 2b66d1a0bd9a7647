/** Makes the frames by which IPv6 hosts are told how to configure themselves, and by which they tell what groups they listen to. */
import {type Address, type Mac, addressBytes, macBytes, parseAddress} from '../util/address.ts';
import {longs, words} from './bytes.ts';
import {type Addressing, ethernet, ipFrame} from './frame.ts';
import {type Payload, ipPacket, udp, withChecksum} from './packet.ts';
import {dhcp6Port, etherType, protocol} from './protocols.ts';

const allNodes = parseAddress('ff02::1');
/** A hop limit of 255 proves that no router forwarded it. RFC 4861. */
const unforwarded = 255;

/** A server answers a client that asked it for something: message REPLY. RFC 8415. @param transaction 24 bits that the client has chosen */
export function dhcp6Reply(server: Addressing, client: Addressing, transaction: number): Buffer {
	return ipFrame(server, client, udp([dhcp6Port.server, dhcp6Port.client], longs(7 * 0x1_00_00_00 + transaction)));
}

/** A router says that it is one: for no time, so that nobody takes it for the way out. RFC 4861. */
export function routerAdvertisement({mac, address}: Addressing): Buffer {
	const bytes = Buffer.concat([words(134 * 256, 0, unforwarded * 256, 0), longs(0, 0), Buffer.from([1, 1]), macBytes(mac)]);
	return ethernet(mac, macOf(allNodes), etherType.ipv6, ipPacket(address, allNodes, icmp6(bytes), unforwarded));
}

/** A router asks who listens to what; to all groups. RFC 2710. */
export function listenerQuery({mac, address}: Addressing): Buffer {
	return listener(130, {mac, address}, allNodes, parseAddress('::'));
}

/** A host says that it listens to a group. RFC 2710. */
export function listenerReport({mac, address}: Addressing, group: Address): Buffer {
	return listener(131, {mac, address}, group, group);
}

/** Behind a hop-by-hop header with the router alert option (RFC 2711), and never forwarded. */
function listener(type: number, {mac, address}: Addressing, to: Address, group: Address): Buffer {
	const message = withChecksum(address, to, icmp6(Buffer.concat([words(type * 256, 0, 0, 0), addressBytes(group)])));
	const options = Buffer.concat([Buffer.from([protocol.icmp6, 0]), words(0x05_02, 0), Buffer.from([1, 0])]);
	return ethernet(mac, macOf(to), etherType.ipv6, ipPacket(address, to, {protocol: 0, bytes: Buffer.concat([options, message])}, 1));
}

function icmp6(bytes: Buffer): Payload {
	return {protocol: protocol.icmp6, bytes, checksumAt: 2};
}

/** The MAC address of a group. RFC 2464. */
function macOf(group: Address): Mac {
	return ['33', '33', ...Array.from(addressBytes(group)).slice(12).map(byte => byte.toString(16).padStart(2, '0'))].join(':');
}
