/** GRE packets made by hand: which are taken, and that nothing comes of the others. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {checksum} from '../../lib/kernel/icmp.ts';
import {InetSocket} from '../../lib/kernel/inet-socket.ts';
import {PacketSocket} from '../../lib/kernel/packet-socket.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {longPatience} from '../helpers/patience.ts';
import {address, batch, buildUnderlay, end, openEndpoint} from '../helpers/underlay.ts';

const words = (...values: readonly number[]) => {
	const bytes = Buffer.alloc(values.length * 2);
	values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
	return bytes;
};

/** An echo request from 10.0.1.2 with the given number. */
function request(number: number): Buffer {
	const icmp = words(0x08_00, 0, 7, number);
	icmp.writeUInt16BE(checksum(icmp), 2);
	const ip = words(0x45_00, 20 + icmp.length, 0, 0, 0x40_01, 0, 0x0A_00, 0x01_02, 0x0A_00, 0x01_01);
	ip.writeUInt16BE(checksum(ip), 10);
	return Buffer.concat([ip, icmp]);
}

function summed(flags: number, ...rest: readonly number[]): (payload: Buffer) => Buffer {
	return payload => {
		const packet = Buffer.concat([words(flags, 0x08_00, 0, 0, ...rest), payload]);
		packet.writeUInt16BE(checksum(packet), 4);
		return packet;
	};
}

const plain = (...header: readonly number[]) => (payload: Buffer) => Buffer.concat([words(...header), payload]);

const accepted: Readonly<Record<string, (payload: Buffer) => Buffer>> = {
	'a plain header': plain(0, 0x08_00),
	'a right checksum': summed(0x80_00),
	'a sequence number': plain(0x10_00, 0x08_00, 0, 9),
	'checksum and sequence number': summed(0x90_00, 0, 9),
	'bits that a receiver ignores': plain(0x03_F8, 0x08_00),
};

const refused: Readonly<Record<string, (payload: Buffer) => Buffer>> = {
	'version 1': plain(1, 0x08_00),
	'version 7': plain(7, 0x08_00),
	'a routing bit (RFC 1701)': plain(0x40_00, 0x08_00, 0, 0),
	'strict source route (RFC 1701)': plain(0x08_00, 0x08_00),
	'reserved bit 5': plain(0x04_00, 0x08_00),
	'a wrong checksum': payload => {
		const packet = summed(0x80_00)(payload);
		packet.writeUInt16BE(packet.readUInt16BE(4) ^ 1, 4);
		return packet;
	},
	'a key where there is none': plain(0x20_00, 0x08_00, 0, 5),
	'another protocol': plain(0, 0x08_06),
	'Ethernet': plain(0, 0x65_58),
	'IPv6 that is IPv4': plain(0, 0x86_DD),
	'a header cut off': () => words(0),
	'an empty packet': () => Buffer.alloc(0),
	'nothing behind the header': () => words(0, 0x08_00),
	'a key cut off': () => words(0x20_00, 0x08_00, 0),
	'a checksum cut off': () => words(0x80_00, 0x08_00),
	'all that the flags promise cut off': () => words(0xB0_00, 0x08_00, 0, 0, 0),
};

test.serial('hostile packets: nothing is delivered, and the tunnel lives', async t => {
	const [a, b] = await buildUnderlay(t);
	const endpoint = await openEndpoint(t);
	endpoint.add(end(a, 1));
	endpoint.add(end(a, 1, {name: 'k', key: 6}));
	await address(a, 'g', 1, 1);
	await batch(a, ['link set k up']);
	const wire = InetSocket.open(b, 4, {protocol: 47});
	const seen = new PacketSocket(a);
	t.teardown(() => {
		wire.close();
		seen.close();
	});
	const cases = [...Object.entries(accepted), ...Object.entries(refused)];
	for (const [number, [title, wrap]] of cases.entries()) {
		t.is(wire.sendTo(wrap(request(number)), {address: parseAddress('192.0.2.1'), port: 0}), undefined, title);
	}

	const numbers = await requestsUntil(seen, wire, cases.length);
	t.deepEqual(numbers.map(number => cases[number]?.[0]), Object.keys(accepted));
});

/** Sends a last packet and returns the numbers of all requests that were delivered before it. */
async function requestsUntil(seen: PacketSocket, wire: InetSocket, last: number): Promise<number[]> {
	wire.sendTo(plain(0, 0x08_00)(request(last)), {address: parseAddress('192.0.2.1'), port: 0});
	const numbers: number[] = [];
	for (const limit = performance.now() + longPatience; performance.now() < limit;) {
		await sleep(1);
		for (let frame = seen.receive(); frame; frame = seen.receive()) {
			// Of a TUN device, whole packets without a MAC header: an echo request of 28 bytes.
			if (frame.direction !== 'out' && frame.bytes.length === 28 && frame.bytes[20] === 8) {
				numbers.push(frame.bytes.readUInt16BE(26));
			}
		}

		if (numbers.at(-1) === last) {
			return numbers.slice(0, -1);
		}
	}

	throw new Error(`the last packet did not come; before it came ${numbers.join(', ')}`);
}

test.serial('packets of strangers are not taken', async t => {
	const [a, b] = await buildUnderlay(t);
	const endpoint = await openEndpoint(t);
	endpoint.add(end(a, 1));
	await address(a, 'g', 1, 1);
	await batch(b, ['address add 192.0.2.3/24 dev u']);
	const [stranger, peer] = ['192.0.2.3', '192.0.2.2'].map(source => {
		const socket = InetSocket.open(b, 4, {protocol: 47});
		socket.bind({address: parseAddress(source), port: 0});
		return socket;
	}) as [InetSocket, InetSocket];
	const seen = new PacketSocket(a);
	t.teardown(() => {
		[stranger, peer, seen].forEach(socket => {
			socket.close();
		});
	});
	stranger.sendTo(plain(0, 0x08_00)(request(1)), {address: parseAddress('192.0.2.1'), port: 0});
	t.deepEqual(await requestsUntil(seen, peer, 2), []);
});
