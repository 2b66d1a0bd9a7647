/** Frames as an attacker makes them, sent and seen on real interfaces by packet sockets. Ethernet, RFC 791, RFC 768. */
import type {ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import {inside} from '../../lib/kernel/namespace.ts';
import {SOCK_NONBLOCK, SOCK_RAW, close, ioctl, socket, tryRecv, trySendTo} from '../../lib/kernel/syscall.ts';
import {addressBytes, macBytes, parseAddress} from '../../lib/util/address.ts';
import {eventually} from './eventually.ts';
import {patience} from './patience.ts';

/** linux/if_ether.h and linux/sockios.h. */
const AF_PACKET = 17;
const ETH_P_ALL = 0x00_03;
const ETH_P_IP = 0x08_00;
const ETH_P_8021Q = 0x81_00;
const SIOCGIFINDEX = 0x89_33;
/** Milliseconds in which a frame that is let through has arrived; one that is not takes all of them. */
const limit = 300 * patience;

export const everybody = 'ff:ff:ff:ff:ff:ff';

export type Frame = {
	readonly toMac: string;
	readonly from: string;
	readonly to: string;
	/** IP protocol number. */
	readonly protocol: number;
	readonly payload: Buffer;
	/** How many tags of VLAN 0 stand before it. Default 0. */
	readonly priorityTags?: number;
};

/** Sends a frame from the first interface of one host and says whether the other's first interface gets it, tags and all. */
export async function arrives(t: ExecutionContext, lab: Lab, [a, b]: readonly [string, string], frame: Frame): Promise<boolean> {
	const [sender, receiver] = [packetSocket(t, lab, a), packetSocket(t, lab, b)];
	const {mac = everybody} = lab.node(a).interfaces[0] ?? {};
	const packet = ipPacket(frame);
	const tags = Array.from({length: frame.priorityTags ?? 0}, () => [ETH_P_8021Q, 0]).flat();
	const bytes = Buffer.concat([macBytes(frame.toMac), macBytes(mac), words(...tags, ETH_P_IP), packet]);
	t.is(trySendTo(sender.fd, bytes, sender.address), undefined);
	return eventually(() => receiver.received().some(seen => seen.includes(packet)), limit);
}

/** @param flags 0x10 is ACK */
export function tcp(flags: number, [source, destination]: readonly [number, number] = [9, 9]): Pick<Frame, 'protocol' | 'payload'> {
	return {protocol: 6, payload: words(source, destination, 0, 1, 0, 1, 0x50_00 | flags, 0xFF_FF, 0, 0)};
}

/** @param sum a checksum; 0 says that there is none */
export function udp([source, destination]: readonly [number, number] = [9, 9], sum = 0): Pick<Frame, 'protocol' | 'payload'> {
	return {protocol: 17, payload: words(source, destination, 8, sum)};
}

export const echoReply: Pick<Frame, 'protocol' | 'payload'> = {protocol: 1, payload: words(0, 0xFF_FF, 0, 0)};

function packetSocket(t: ExecutionContext, lab: Lab, host: string) {
	const {namespace, interfaces} = lab.node(host);
	const {fd, index} = inside(namespace, () => {
		const opened = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, swapped(ETH_P_ALL));
		const request = Buffer.alloc(40);
		request.write(interfaces[0]?.name ?? '');
		ioctl(opened, SIOCGIFINDEX, request, host);
		return {fd: opened, index: request.readInt32LE(16)};
	});
	t.teardown(() => {
		close(fd);
	});
	/** Struct sockaddr_ll of packet(7). */
	const address = Buffer.alloc(20);
	address.writeUInt16LE(AF_PACKET, 0);
	address.writeInt32LE(index, 4);
	address[11] = 6;
	return {fd, address, received: () => received(fd)};
}

function received(fd: number): Buffer[] {
	const frames: Buffer[] = [];
	for (;;) {
		const buffer = Buffer.alloc(2048);
		const length = tryRecv(fd, buffer);
		if (length === undefined) {
			return frames;
		}

		frames.push(buffer.subarray(0, length));
	}
}

function ipPacket({from, to, protocol, payload}: Frame): Buffer {
	const header = Buffer.concat([words(0x45_00, 20 + payload.length, 0x12_34, 0, 0x40_00 | protocol, 0), addressBytes(parseAddress(from)), addressBytes(parseAddress(to))]);
	let sum = 0;
	for (let offset = 0; offset < header.length; offset += 2) {
		sum += header.readUInt16BE(offset);
	}

	header.writeUInt16BE(0xFF_FF - ((sum & 0xFF_FF) + (sum >> 16)), 10);
	return Buffer.concat([header, payload]);
}

/** 16 bits each, most significant byte first. */
function words(...values: readonly number[]): Buffer {
	const bytes = Buffer.alloc(values.length * 2);
	values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
	return bytes;
}

function swapped(value: number): number {
	return ((value & 0xFF) << 8) | (value >> 8);
}
