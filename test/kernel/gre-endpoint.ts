/** GRE tunnels of our own on real packets: what they carry, what is on the wire, and which packet is whose. */
import {rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {startService} from '../../lib/kernel/daemon.ts';
import type {GreTunnel} from '../../lib/kernel/gre-endpoint.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {PacketSocket} from '../../lib/kernel/packet-socket.ts';
import {execute, run} from '../../lib/kernel/process.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {testDirectory} from '../helpers/fabric.ts';
import {longPatience} from '../helpers/patience.ts';
import {address, answers, batch, buildTunnel, buildUnderlay, end, isSilent, openEndpoint} from '../helpers/underlay.ts';

const over6 = (number: 1 | 2) => ({local: parseAddress(`fd00:100::${number}`), remote: parseAddress(`fd00:100::${3 - number}`), mtu: 1400}) as const;

const kinds: Readonly<Record<string, (number: 1 | 2) => Partial<GreTunnel>>> = {
	'layer 3 over IPv4': () => ({}),
	'layer 3 over IPv4 with a key': () => ({key: 0xFF_FF_FF_FF}),
	'layer 2 over IPv4': () => ({mode: 'layer2'}),
	'layer 2 over IPv4 with a key': () => ({mode: 'layer2', key: 0}),
	'layer 3 over IPv6': number => over6(number),
	'layer 2 over IPv6 with a key': number => ({...over6(number), mode: 'layer2', key: 7}),
};

for (const [title, options] of Object.entries(kinds)) {
	test.serial(`${title}: packets of both families, and data as it was sent`, async t => {
		const [a, b] = await buildTunnel(t, options);
		t.true(await answers(a, '10.0.1.2'));
		t.true(await answers(b, 'fd00:1::1'));
		for (const to of ['10.0.1.2', 'fd00:1::2']) {
			const [sent, received] = await transfers(a, b, to);
			t.is(received, sent, to);
		}
	});
}

/** Sends 8 MB over TCP, there and back, and compares. @returns digests */
async function transfers(from: Namespace, to: Namespace, address: string): Promise<[string, string]> {
	const server = `const server = require('node:net').createServer({allowHalfOpen: true}, socket => socket.pipe(socket)).listen(9, '${address}', () => console.log('listens'));
		server.once('connection', () => server.close());`;
	const client = `const crypto = require('node:crypto'), data = crypto.randomBytes(8 << 20), hash = crypto.createHash('sha256');
		const socket = require('node:net').connect({port: 9, host: '${address}'});
		socket.on('data', chunk => hash.update(chunk)).on('end', () => console.log(crypto.createHash('sha256').update(data).digest('hex'), hash.digest('hex')));
		socket.end(data);`;
	const service = await startService([process.execPath, '-e', server], /listens/, {namespace: to, timeout: longPatience});
	try {
		const {stdout} = await run([process.execPath, '-e', client], {namespace: from, timeout: longPatience});
		return stdout.trim().split(' ') as [string, string];
	} finally {
		service.stop();
		await service.ended;
	}
}

test.serial('what is on the wire is GRE with ttl, key and type, as tcpdump reads it', async t => {
	const [a, b] = await buildUnderlay(t);
	const endpoint = await openEndpoint(t);
	endpoint.add(end(a, 1, {key: 0x2A, ttl: 7}));
	endpoint.add(end(a, 1, {name: 'g2', mode: 'layer2', mac: '02:00:00:00:00:01'}));
	await address(a, 'g', 1, 1);
	await batch(a, ['link set g2 up', 'address add 10.0.2.1/24 dev g2', 'neighbor add 10.0.2.2 lladdr 02:00:00:00:00:02 dev g2']);
	const capture = new PacketSocket(b);
	t.teardown(() => {
		capture.close();
	});
	for (const to of ['10.0.1.2', 'fd00:1::2', '10.0.2.2']) {
		await isSilent(a, to);
	}

	const decoded = await decode(t, capture);
	t.regex(decoded, /IP \(tos 0x0, ttl 7, id \d+, offset 0, flags \[DF\], proto GRE \(47\), length 112\)\s+192\.0\.2\.1 > 192\.0\.2\.2: GREv0, Flags \[key present\], key=0x2a, length 92\s+IP .*\s+10\.0\.1\.1 > 10\.0\.1\.2: ICMP echo request/);
	t.regex(decoded, /GREv0, Flags \[key present\], key=0x2a, length 112\s+IP6 .*fd00:1::1 > fd00:1::2: \[icmp6 sum ok\] ICMP6, echo request/);
	t.regex(decoded, /ttl 255, id \d+, offset 0, flags \[DF\], proto GRE \(47\), length 122\)\s+192\.0\.2\.1 > 192\.0\.2\.2: GREv0, Flags \[none\], length 102\s+IP .*\s+10\.0\.2\.1 > 10\.0\.2\.2: ICMP echo request/);
});

/** What a packet socket has seen, in tcpdump's words. */
async function decode(t: ExecutionContext, capture: PacketSocket): Promise<string> {
	const header = Buffer.alloc(24);
	header.writeUInt32LE(0xA1_B2_C3_D4, 0);
	header.writeUInt16LE(2, 4);
	header.writeUInt16LE(4, 6);
	header.writeUInt32LE(65_535, 16);
	header.writeUInt32LE(1, 20);
	const parts = [header];
	for (let frame = capture.receive(); frame; frame = capture.receive()) {
		const record = Buffer.alloc(16);
		record.writeUInt32LE(frame.bytes.length, 8);
		record.writeUInt32LE(frame.bytes.length, 12);
		parts.push(record, Buffer.from(frame.bytes));
	}

	const directory = testDirectory();
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	const file = join(directory, 'gre.pcap');
	writeFileSync(file, Buffer.concat(parts));
	const {stdout} = await run(['tcpdump', '-n', '-v', '-r', file, 'proto', 'gre']);
	return stdout;
}

test.serial('tunnels between the same addresses are told apart by key and mode, and one goes without the others', async t => {
	const [a, b] = await buildUnderlay(t);
	const endpoint = await openEndpoint(t);
	const variants = [{}, {key: 0}, {key: 1}, {mode: 'layer2'}, {mode: 'layer2', key: 1}] as const;
	for (const [net, variant] of variants.entries()) {
		for (const [namespace, number] of [[a, 1], [b, 2]] as const) {
			endpoint.add(end(namespace, number, {...variant, name: `g${net}`}));
			await address(namespace, `g${net}`, net, number);
		}
	}

	t.like(t.throws(() => {
		endpoint.add(end(a, 1, {key: 1, name: 'again'}));
	}), {message: `new GRE tunnel again in ${a.name}: EEXIST (g2 has the same addresses, mode and key)`});
	const reached = async () => Promise.all(variants.map(async (_, net) => !await isSilent(a, `10.0.${net}.2`)));
	t.deepEqual(await reached(), [true, true, true, true, true]);
	await endpoint.remove({namespace: a, name: 'g2'}, {namespace: a, name: 'nothing'});
	t.deepEqual(await reached(), [true, true, false, true, true]);
	t.regex((await execute(['ip', 'link', 'show', 'g2'], {namespace: a})).stderr, /does not exist/);
	endpoint.add(end(a, 1, {key: 1, name: 'g2'}));
	await address(a, 'g2', 2, 1);
	t.deepEqual(await reached(), [true, true, true, true, true]);
	await Promise.all([endpoint.close(), endpoint.close()]);
	t.notRegex((await run(['ip', 'link'], {namespace: a})).stdout, /g\d/);
});

test.serial('addresses of two families are refused', async t => {
	const [a] = await buildUnderlay(t);
	const endpoint = await openEndpoint(t);
	t.throws(() => {
		endpoint.add(end(a, 1, {remote: parseAddress('fd00:100::2')}));
	}, {message: 'The tunnel g goes from 192.0.2.1 to fd00:100::2. Give it two addresses of one family.'});
});
