/** Frames byte by byte, and that witnesses read what makers wrote. */
import test from 'ava';
import {arpRequest, dhcpDiscover, ethernet, ipFrame, neighborSolicitation} from '../../lib/probes/frame.ts';
import {echoRequest, ipPacket, tcp, udp, unreachable} from '../../lib/probes/packet.ts';
import {etherType, protocol, tcpFlag} from '../../lib/probes/protocols.ts';
import {crc32c, sctpInit} from '../../lib/probes/sctp.ts';
import {flowKey, readFrame} from '../../lib/probes/seen.ts';
import {type Address, parseAddress} from '../../lib/util/address.ts';

const [a4, b4, a6, b6] = ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2'].map(parseAddress) as [Address, Address, Address, Address];
const [macA, macB] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
const pairs = [[a4, b4], [a6, b6]] as const;

/** The sum over what a checksum covers, the checksum included, is all ones. RFC 1071. */
function sum(bytes: Buffer): number {
	let total = 0;
	for (let at = 0; at < bytes.length; at += 2) {
		total += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
	}

	while (total > 0xFF_FF) {
		total = (total & 0xFF_FF) + (total >>> 16);
	}

	return total;
}

/** The same for what an IP packet carries, with its pseudo header, computed from the packet alone. */
function payloadSum(packet: Buffer): number {
	const isV4 = (packet[0] ?? 0) >> 4 === 4;
	const body = packet.subarray(isV4 ? 20 : 40);
	const addresses = isV4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
	const number = isV4 ? packet[9] ?? 0 : packet[6] ?? 0;
	return sum(Buffer.concat([addresses, Buffer.from([body.length >> 8, body.length & 0xFF, 0, number]), body]));
}

for (const [source, destination] of pairs) {
	test(`IPv${source.family}: every checksum is right`, t => {
		const [datagram, segment, echo] = [
			ipPacket(source, destination, udp([1000, 53], Buffer.from('odd'))), ipPacket(source, destination, tcp([80, 1000], tcpFlag.syn | tcpFlag.ack, 7)),
			ipPacket(source, destination, echoRequest(source.family, 77)),
		];
		t.is(payloadSum(datagram), 0xFF_FF);
		t.is(payloadSum(segment), 0xFF_FF);
		t.is(source.family === 4 ? sum(echo.subarray(20)) : payloadSum(echo), 0xFF_FF);
		if (source.family === 4) {
			t.is(sum(datagram.subarray(0, 20)), 0xFF_FF);
		}

		const header = source.family === 4 ? 20 : 40;
		datagram.writeUInt16BE(0, header + 6);
		segment.writeUInt16BE(0, header + 16);
		echo.writeUInt16BE(0, header + 2);
		t.is(datagram.subarray(header).toString('hex'), '03e80035000b0000' + Buffer.from('odd').toString('hex'));
		t.is(segment.subarray(header).toString('hex'), '005003e8' + '00000007' + '00000001' + '5012ffff' + '00000000');
		t.is(echo.subarray(header).toString('hex'), `${source.family === 4 ? '08' : '80'}000000004d0001`);
	});

	test(`IPv${source.family}: a witness reads what was made`, t => {
		const read = (frame: Buffer) => readFrame(frame);
		const frame = (payload: Parameters<typeof ipFrame>[2]) => ipFrame({mac: macA, address: source}, {mac: macB, address: destination}, payload);
		const ends = {source, destination};
		t.deepEqual(read(frame(udp([1000, 53]))), {flow: flowKey(protocol.udp, ends, [1000, 53]), kind: 'packet'});
		t.deepEqual(read(frame(tcp([1000, 80], tcpFlag.rst | tcpFlag.ack))), {flow: flowKey(protocol.tcp, ends, [1000, 80]), kind: 'reset'});
		t.deepEqual(read(frame(tcp([1000, 80]))), {flow: flowKey(protocol.tcp, ends, [1000, 80]), kind: 'packet'});
		t.deepEqual(read(frame(sctpInit([1000, 9]))), {flow: flowKey(protocol.sctp, ends, [1000, 9]), kind: 'packet'});
		t.deepEqual(read(frame(echoRequest(source.family, 77))), {flow: flowKey(source.family === 4 ? protocol.icmp : protocol.icmp6, ends, [77, 77]), kind: 'packet'});
		const quoted = ipPacket(destination, source, udp([1000, 53]));
		const about = flowKey(protocol.udp, {source: destination, destination: source}, [1000, 53]);
		t.deepEqual(read(frame(unreachable(source.family, 'port', quoted))), {flow: about, kind: 'unreachable'});
		t.deepEqual(read(frame(unreachable(source.family, 'prohibited', quoted))), {flow: about, kind: 'prohibited'});
	});
}

test('what is no packet of a probe is nothing', t => {
	for (const frame of [Buffer.alloc(0), Buffer.alloc(13), Buffer.alloc(60), arpRequest({mac: macA, address: a4}, b4), ethernet(macA, macB, etherType.ipv4, Buffer.from([0x45])), ethernet(macA, macB, etherType.ipv6, Buffer.alloc(40))]) {
		t.is(readFrame(frame), undefined);
	}
});

test('an ARP request, byte by byte', t => {
	t.is(arpRequest({mac: macA, address: a4}, b4).toString('hex'), 'ffffffffffff02000000000108060001080006040001' + '0200000000010a000001' + '0000000000000a000002');
});

test('a neighbour solicitation goes to the group of its target', t => {
	const frame = neighborSolicitation({mac: macA, address: a6}, parseAddress('fd00::12:3456'));
	t.is(frame.subarray(0, 6).toString('hex'), '3333ff123456');
	t.is(frame.subarray(38, 54).toString('hex'), 'ff0200000000000000000001ff123456');
	t.is(frame[21], 255);
	t.is(payloadSum(frame.subarray(14)), 0xFF_FF);
});

test('a DHCP discover has its fields where RFC 2131 says', t => {
	const bootp = dhcpDiscover(macA, 0x01_02_03_04).subarray(14 + 20 + 8);
	t.is(bootp.subarray(0, 8).toString('hex'), '0101060001020304');
	t.is(bootp.subarray(28, 34).toString('hex'), '020000000001');
	t.is(bootp.subarray(236).toString('hex'), '63825363350101ff');
});

test('CRC32c is that of RFC 3720, appendix B.4', t => {
	t.is(crc32c(Buffer.alloc(32)), 0x8A_91_36_AA);
	t.is(crc32c(Buffer.alloc(32, 0xFF)), 0x62_A8_AB_43);
});
