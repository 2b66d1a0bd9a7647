/** Pieces of TCP cut into segments for the wire, and segments from the wire made one piece again: no kernel, only memory. */
import {randomBytes} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {GreMemory, greLayout} from '../../lib/kernel/gre-memory.ts';
import {GreMerger} from '../../lib/kernel/gre-merger.ts';
import {GreSender, type ThreadTunnel} from '../../lib/kernel/gre-sender.ts';

/** Where the memory would be for the kernel: a number that needs more than 32 bits. */
const base = 0x7F_12_34_56_70_00;
const {inbox, outgoing, outgoingVectors, incoming, slotLength, headroom, parts: partsAt} = greLayout;
const vnetLength = 10;

type Shape = {readonly family: 4 | 6; readonly layer3: boolean; readonly key: number};
const shapes: readonly Shape[] = [{family: 4, layer3: true, key: -1}, {family: 6, layer3: true, key: 5}, {family: 4, layer3: false, key: 0}, {family: 6, layer3: false, key: -1}];
const nameOf = ({family, layer3, key}: Shape) => `IPv${family}, layer ${layer3 ? 3 : 2}${key < 0 ? '' : ', key'}`;
const tunnelOf = ({layer3, key}: Shape): ThreadTunnel => ({number: 0, device: 3, socket: 4, layer3, key, remote: new Uint8Array(16), control: new Uint8Array(24), remoteAddress: base, controlAddress: base});

function newMemory(): GreMemory {
	return new GreMemory(greLayout, new Uint8Array(new ArrayBuffer(greLayout.total)), base);
}

/** The same sum by another way: two bytes at a time. */
function sum(bytes: Uint8Array, start = 0): number {
	let total = start;
	for (let at = 0; at < bytes.length; at += 2) {
		total += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0);
	}

	while (total > 0xFF_FF) {
		total = (total & 0xFF_FF) + Math.floor(total / 0x1_00_00);
	}

	return total;
}

/** Offsets of the headers in a packet. */
function offsets({family, layer3}: Shape): {readonly ip: number; readonly tcp: number; readonly data: number} {
	const ip = layer3 ? 0 : 14;
	const tcp = ip + (family === 4 ? 20 : 40);
	return {ip, tcp, data: tcp + 32};
}

/** A packet with timestamps in its TCP header and, as the kernel hands it over, without checksums. */
function piece(shape: Shape, payload: Buffer, flags = 0x18): Buffer {
	const {ip, tcp, data} = offsets(shape);
	const packet = Buffer.concat([Buffer.alloc(data), payload]);
	if (!shape.layer3) {
		packet.write('02000000000202000000000108000', 0, 'hex');
		packet.writeUInt16BE(shape.family === 4 ? 0x08_00 : 0x86_DD, 12);
	}

	if (shape.family === 4) {
		packet.write('4500000012344000400600000a0000010a000002', ip, 'hex');
		packet.writeUInt16BE(packet.length - ip, ip + 2);
	} else {
		packet.write('60012345000006400000000000000000fd00000000000001000000000000000000fd0002', ip, 'hex');
		packet.writeUInt16BE(packet.length - ip - 40, ip + 4);
		packet[ip + 6] = 6;
	}

	packet.write('30391389ffffff00000000078000010000000000', tcp, 'hex');
	packet[tcp + 13] = flags;
	packet.write('0101080a0000000100000002', tcp + 20, 'hex');
	return packet;
}

function pseudo(packet: Uint8Array, {family, ...shape}: Shape): number {
	const {ip, tcp} = offsets({family, ...shape});
	return sum(packet.subarray(ip + (family === 4 ? 12 : 8), tcp), 6 + packet.length - tcp);
}

/** Writes the checksums that a packet on the wire has. @param zero which of the two forms of nothing a sum has that comes to it */
function summed(packet: Buffer, shape: Shape, zero: 0 | 0xFF_FF = 0): Buffer {
	const {ip, tcp} = offsets(shape);
	if (shape.family === 4) {
		packet.writeUInt16BE(0, ip + 10);
		packet.writeUInt16BE((~sum(packet.subarray(ip, ip + 20)) & 0xFF_FF) || zero, ip + 10);
	}

	packet.writeUInt16BE(0, tcp + 16);
	packet.writeUInt16BE((~sum(packet.subarray(tcp), pseudo(packet, shape)) & 0xFF_FF) || zero, tcp + 16);
	return packet;
}

/** The GRE packets that a sender makes of a piece. */
function cut(shape: Shape, packet: Buffer, size: number): Buffer[] {
	const memory = newMemory();
	const sent: Buffer[] = [];
	const sender = new GreSender(memory, (_, from, count) => {
		for (let slot = from; slot < from + count; slot++) {
			const start = outgoing + (slotLength * slot);
			sent.push(Buffer.from(memory.bytes.slice(start, start + memory.view.getUint32(outgoingVectors + (16 * slot) + 8, true))));
		}

		return count;
	});
	memory.bytes.set(packet, inbox + vnetLength);
	memory.view.setUint8(inbox, 1);
	memory.view.setUint8(inbox + 1, shape.family === 4 ? 1 : 4);
	memory.view.setUint16(inbox + 4, size, true);
	memory.view.setUint16(inbox + 6, offsets(shape).tcp, true);
	memory.view.setUint16(inbox + 8, 16, true);
	sender.take(tunnelOf(shape), vnetLength + packet.length);
	sender.flush();
	return sent;
}

/** What a merger writes of packets that come one after the other, with the header for the device before each. */
function merge(shape: Shape, packets: readonly Buffer[]): Buffer[] {
	const memory = newMemory();
	const written: Buffer[] = [];
	const merger = new GreMerger(memory, (_, count) => {
		written.push(Buffer.concat(Array.from({length: count}, (_, part) => {
			const at = Number(memory.view.getBigUint64(partsAt + (16 * part), true)) - base;
			return memory.bytes.slice(at, at + Number(memory.view.getBigUint64(partsAt + (16 * part) + 8, true)));
		})));
	});
	const tunnel = tunnelOf(shape);
	for (const [slot, packet] of packets.entries()) {
		const at = incoming + (slotLength * slot) + headroom + 24;
		memory.bytes.set(packet, at);
		merger.take(tunnel, at, at + packet.length);
	}

	merger.flush();
	return written;
}

/** Segments as they come out of the tunnel. */
const segments = (shape: Shape, payload: Buffer, size: number) => cut(shape, piece(shape, payload), size).map(packet => packet.subarray(shape.key < 0 ? 4 : 8));

for (const shape of shapes) {
	const {ip, tcp, data} = offsets(shape);

	test(`${nameOf(shape)}: each segment is a whole packet, and all together are the piece`, t => {
		fc.assert(fc.property(fc.integer({min: 1, max: 60_000}), fc.integer({min: 500, max: 9000}), (length, size) => {
			const payload = randomBytes(length);
			const packets = cut(shape, piece(shape, payload, 0x99), size);
			t.is(packets.length, Math.ceil(length / size));
			for (const [index, packet] of packets.entries()) {
				t.is(packet.toString('hex', 0, shape.key < 0 ? 4 : 8), `${shape.key < 0 ? '0000' : '2000'}${shape.layer3 ? shape.family === 4 ? '0800' : '86dd' : '6558'}${shape.key < 0 ? '' : shape.key.toString(16).padStart(8, '0')}`);
				const inner = packet.subarray(shape.key < 0 ? 4 : 8);
				const flags = (index === 0 ? 0x80 : 0) | (index === packets.length - 1 ? 0x19 & 0x99 : 0x10);
				t.is(inner[tcp + 13], flags);
				t.is(inner.readUInt32BE(tcp + 4), (0xFF_FF_FF_00 + (index * size)) % 0x1_00_00_00_00);
				if (shape.family === 4) {
					t.is(inner.readUInt16BE(ip + 4), 0x12_34 + index);
				}

				t.deepEqual(inner, summed(Buffer.from(inner), shape, 0xFF_FF), 'lengths and sums');
				t.is(inner.readUInt16BE(ip + (shape.family === 4 ? 2 : 4)), inner.length - (shape.family === 4 ? ip : tcp));
			}

			t.deepEqual(Buffer.concat(packets.map(packet => packet.subarray((shape.key < 0 ? 4 : 8) + data))), payload);
		}), {numRuns: 20});
	});

	test(`${nameOf(shape)}: segments become the piece that they were cut from`, t => {
		const payload = randomBytes(20_001);
		const written = merge(shape, segments(shape, payload, 1400));
		const expected = summed(piece(shape, payload), shape);
		// The sum of the pseudo header alone: the kernel adds the rest when it cuts again.
		expected.writeUInt16BE(pseudo(expected, shape), tcp + 16);
		t.is(written.length, 1);
		t.deepEqual(written[0]?.subarray(vnetLength), expected);
		const vnet = Buffer.alloc(vnetLength);
		vnet.set([1, shape.family === 4 ? 1 : 4]);
		[data, 1400, tcp, 16].forEach((value, index) => vnet.writeUInt16LE(value, 2 + (2 * index)));
		t.deepEqual(written[0]?.subarray(0, vnetLength), vnet);
	});
}

const differences: Readonly<Record<string, (packet: Buffer, at: ReturnType<typeof offsets>) => void>> = {
	'another port': (packet, {tcp}) => packet.writeUInt16BE(1, tcp),
	'a gap': (packet, {tcp}) => packet.writeUInt32BE(packet.readUInt32BE(tcp + 4) + 1, tcp + 4),
	'another acknowledgement': (packet, {tcp}) => packet.writeUInt32BE(8, tcp + 8),
	'FIN': (packet, {tcp}) => packet.writeUInt8(0x11, tcp + 13),
	'RST': (packet, {tcp}) => packet.writeUInt8(0x14, tcp + 13),
	'another window': (packet, {tcp}) => packet.writeUInt16BE(9, tcp + 14),
	'an urgent pointer': (packet, {tcp}) => packet.writeUInt16BE(9, tcp + 18),
	'other options': (packet, {tcp}) => packet.writeUInt8(9, tcp + 31),
	'another ttl': (packet, {ip}) => packet.writeUInt8(9, ip + (packet[ip] === 0x45 ? 8 : 7)),
	'another type of service': (packet, {ip}) => packet.writeUInt8((packet[ip + 1] ?? 0) ^ 0x10, ip + 1),
	'another source': (packet, {ip}) => packet.writeUInt8(9, ip + (packet[ip] === 0x45 ? 15 : 23)),
	'another protocol': (packet, {ip}) => packet.writeUInt8(17, ip + (packet[ip] === 0x45 ? 9 : 6)),
};

for (const [title, change] of Object.entries(differences)) {
	test(`what has ${title} is written as it came`, t => {
		for (const shape of shapes) {
			const [first, second] = segments(shape, randomBytes(2800), 1400) as [Buffer, Buffer];
			change(second, offsets(shape));
			summed(second, shape);
			const apart = [first, second].map(packet => Buffer.concat([Buffer.alloc(vnetLength), packet]));
			t.deepEqual(merge(shape, [first, second]), apart, nameOf(shape));
		}
	});
}

test('what has a wrong sum is written as it came, so that its receiver finds out', t => {
	for (const shape of shapes) {
		const packets = segments(shape, randomBytes(2800), 1400) as [Buffer, Buffer];
		packets[1].writeUInt8((packets[1].at(-1) ?? 0) ^ 1, packets[1].length - 1);
		t.deepEqual(merge(shape, packets), packets.map(packet => Buffer.concat([Buffer.alloc(vnetLength), packet])), nameOf(shape));
	}
});

test('more segments than fit into one piece become several, in order', t => {
	const shape = {family: 4, layer3: true, key: -1} as const;
	const packets = segments(shape, randomBytes(56_000), 1400);
	packets.forEach(packet => {
		packet.writeUInt8(0x10, offsets(shape).tcp + 13);
		summed(packet, shape);
	});
	const more = packets.slice(0, 10).map((packet, index) => {
		const copy = Buffer.from(packet);
		copy.writeUInt32BE((0xFF_FF_FF_00 + 56_000 + (index * 1400)) % 0x1_00_00_00_00, offsets(shape).tcp + 4);
		return summed(copy, shape);
	});
	const written = merge(shape, [...packets, ...more]);
	t.deepEqual(written.map(({length}) => length - vnetLength), [52 + (46 * 1400), 52 + (4 * 1400)]);
});
