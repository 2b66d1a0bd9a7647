/** Frames that tell a LAN which MAC an address has from now on: gratuitous ARP (RFC 5227, 3) and unsolicited neighbor advertisements (RFC 4861, 7.2.6). */
import {checksum} from '../kernel/icmp.ts';
import {PacketSocket} from '../kernel/packet-socket.ts';
import type {Interface} from '../link/interface.ts';
import {type Address, type Mac, addressBytes, macBytes} from '../util/address.ts';

const etherTypes = {arp: 0x08_06, ipv6: 0x86_DD} as const;
const broadcast = 'ff:ff:ff:ff:ff:ff';
/** Of the multicast group of all nodes on a link, ff02::1. */
const allNodesMac = '33:33:00:00:00:01';
const allNodes = Buffer.from('ff020000000000000000000000000001', 'hex');
/** Ethernet, IPv4, lengths 6 and 4, request. */
const arpHeader = Buffer.from('0001080006040001', 'hex');
const icmpv6 = 58;
const neighborAdvertisement = 136;
/** The override flag: whoever remembers another MAC takes this one. */
const override = 0x20;
const targetLinkAddress = 2;

/** Of whom an address is from now on. */
export type Claim = {readonly address: Address; readonly mac: Mac};

/**
Tells who is on the interface's link, all of it over one socket: the kernel takes 10 ms to close one, and while nobody waits for that, it is done for one after the
other. That a frame does not go out is no failure: whoever needs the address asks again.
*/
export function announce({namespace, index, mac: from}: Interface, claims: readonly Claim[]): void {
	const socket = new PacketSocket(namespace);
	try {
		for (const claim of claims) {
			socket.send(announcement(claim, from), index);
		}
	} finally {
		socket.close();
	}
}

/** @param from MAC of who sends it: a switch must not look for the other one there */
export function announcement({address, mac}: Claim, from: Mac): Buffer {
	return address.family === 4 ? gratuitousArp(address, mac, from) : unsolicitedAdvertisement(address, mac, from);
}

function gratuitousArp(address: Address, mac: Mac, from: Mac): Buffer {
	const bytes = addressBytes(address);
	return Buffer.concat([ethernet(broadcast, from, etherTypes.arp), arpHeader, macBytes(mac), bytes, Buffer.alloc(6), bytes]);
}

function unsolicitedAdvertisement(address: Address, mac: Mac, from: Mac): Buffer {
	const message = Buffer.concat([Buffer.from([neighborAdvertisement, 0, 0, 0, override, 0, 0, 0]), addressBytes(address), Buffer.from([targetLinkAddress, 1]), macBytes(mac)]);
	const header = Buffer.from([0x60, 0, 0, 0, 0, message.length, icmpv6, 255]);
	const pseudoHeader = Buffer.concat([addressBytes(address), allNodes, Buffer.from([0, 0, 0, message.length, 0, 0, 0, icmpv6])]);
	message.writeUInt16BE(checksum(Buffer.concat([pseudoHeader, message])), 2);
	return Buffer.concat([ethernet(allNodesMac, from, etherTypes.ipv6), header, addressBytes(address), allNodes, message]);
}

function ethernet(to: Mac, from: Mac, type: number): Buffer {
	return Buffer.concat([macBytes(to), macBytes(from), Buffer.from([type >> 8, type & 0xFF])]);
}
