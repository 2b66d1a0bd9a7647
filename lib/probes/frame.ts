/** Makes Ethernet frames: ARP, neighbour discovery, DHCP, and IP packets with any addresses, as an attacker would. */
import {type Address, type Mac, addressBytes, fromBytes, macBytes, parseAddress} from '../util/address.ts';
import {longs, words} from './bytes.ts';
import {ipPacket, udp} from './packet.ts';
import type {Payload} from './packet.ts';
import {broadcastMac, dhcpPort, etherType, protocol} from './protocols.ts';

/** @param priorityTags how many tags of VLAN 0 stand before the type */
export function ethernet(source: Mac, destination: Mac, type: number, body: Buffer, priorityTags = 0): Buffer {
	const tags = Array.from({length: priorityTags}, () => [0x81_00, 0]).flat();
	return Buffer.concat([macBytes(destination), macBytes(source), words(...tags, type), body]);
}

export type Addressing = {readonly mac: Mac; readonly address: Address};

/** A frame with an IP packet. */
export function ipFrame(from: Addressing, to: Addressing, payload: Payload): Buffer {
	return ethernet(from.mac, to.mac, from.address.family === 4 ? etherType.ipv4 : etherType.ipv6, ipPacket(from.address, to.address, payload));
}

/** Asks everybody who has an address. RFC 826. */
export function arpRequest(from: Addressing, target: Address): Buffer {
	return ethernet(from.mac, broadcastMac, etherType.arp, arp(1, from, {mac: '00:00:00:00:00:00', address: target}));
}

/** Tells one MAC that `from` has its address. */
export function arpReply(from: Addressing, to: Addressing): Buffer {
	return ethernet(from.mac, to.mac, etherType.arp, arp(2, from, to));
}

function arp(operation: 1 | 2, from: Addressing, to: Addressing): Buffer {
	return Buffer.concat([words(1, etherType.ipv4, 0x06_04, operation), macBytes(from.mac), addressBytes(from.address), macBytes(to.mac), addressBytes(to.address)]);
}

const nobody = parseAddress('0.0.0.0');
const everybody = {mac: broadcastMac, address: parseAddress('255.255.255.255')};

/** A host without an address looks for a server. RFC 2131. @param transaction 32 bits that the offer brings back */
export function dhcpDiscover(mac: Mac, transaction: number): Buffer {
	return ipFrame({mac, address: nobody}, everybody, udp([dhcpPort.client, dhcpPort.server], dhcp({operation: 1, message: 1, transaction, mac, offered: nobody})));
}

/** A server offers an address to a client that has none. */
export function dhcpOffer(server: Addressing, client: Mac, offered: Address, transaction: number): Buffer {
	return ipFrame(server, {mac: client, address: everybody.address}, udp([dhcpPort.server, dhcpPort.client], dhcp({operation: 2, message: 2, transaction, mac: client, offered})));
}

type DhcpMessage = {readonly operation: 1 | 2; readonly message: 1 | 2; readonly transaction: number; readonly mac: Mac; readonly offered: Address};

/** Fixed part, magic cookie, option 53 (message type), end. The broadcast flag asks for answers to everybody. */
function dhcp({operation, message, transaction, mac, offered}: DhcpMessage): Buffer {
	return Buffer.concat([
		Buffer.from([operation, 1, 6, 0]), longs(transaction), words(0, 0x80_00), longs(0), Buffer.from(addressBytes(offered)), longs(0, 0),
		Buffer.from(macBytes(mac)), Buffer.alloc(10 + 64 + 128), longs(0x63_82_53_63), Buffer.from([53, 1, message, 0xFF]),
	]);
}

/** Asks for the MAC of an IPv6 address: to its solicited-node group. RFC 4861. */
export function neighborSolicitation(from: Addressing, target: Address): Buffer {
	const last = Buffer.from(addressBytes(target)).subarray(13);
	const group = fromBytes([...addressBytes(solicitedNodes).subarray(0, 13), ...last]);
	const mac = ['33', '33', 'ff', ...Array.from(last, byte => byte.toString(16).padStart(2, '0'))].join(':');
	return discovery(from, {mac, address: group}, 135, 0, target, 1);
}

/** Tells one MAC that `from` has its address, as an answer. RFC 4861. */
export function neighborAdvertisement(from: Addressing, to: Addressing): Buffer {
	return discovery(from, to, 136, 0x60_00_00_00, from.address, 2);
}

const solicitedNodes = parseAddress('ff02::1:ff00:0');
/** A hop limit of 255 proves that no router forwarded it. */
const unforwarded = 255;

/** @param option 1: source, 2: target link-layer address */
function discovery(from: Addressing, to: Addressing, type: number, flags: number, target: Address, option: number): Buffer {
	const bytes = Buffer.concat([words(type * 256, 0), longs(flags), addressBytes(target), Buffer.from([option, 1]), macBytes(from.mac)]);
	return ethernet(from.mac, to.mac, etherType.ipv6, ipPacket(from.address, to.address, {protocol: protocol.icmp6, bytes, checksumAt: 2}, unforwarded));
}
