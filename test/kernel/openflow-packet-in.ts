/** Packets that the flows of a real switch send to whoever listens. */
import test from 'ava';
import {SwitchConnection} from '../../lib/kernel/openflow-connection.ts';
import {encodeFlow} from '../../lib/kernel/openflow-flow.ts';
import type {PacketIn} from '../../lib/kernel/openflow-packet-in.ts';
import {packetsOut} from '../../lib/kernel/openflow.ts';
import {run} from '../../lib/kernel/process.ts';
import {framesOf, udpDatagram} from '../helpers/dummy-frames.ts';
import {FlowOracle} from '../helpers/flow-oracle.ts';

const oracle = await FlowOracle.start();
const {bridge} = oracle;
test.after.always(async () => oracle.stop());

const cookie = 0x3_00_00_00_0A_BCn;
const [text = ''] = framesOf(udpDatagram({macs: ['02:00:00:00:00:01', '02:00:00:00:00:02'], addresses: ['10.0.0.1', '10.0.0.2']}, [1024, 53], 200));
const frame = Buffer.from(text, 'hex');

/** Sends a frame to the flow that reports, and waits until the switch has answered something else to each who listens. */
async function report(...listening: readonly SwitchConnection[]): Promise<void> {
	await packetsOut(bridge, [{bytes: frame, actions: 'resubmit(,5)'}]);
	await Promise.all(listening.map(async connection => connection.counts({table: 9})));
}

async function fragments(): Promise<string> {
	const {stdout} = await run(['ovs-ofctl', '-O', 'OpenFlow14', 'get-frags', `unix:${bridge.runDirectory}/${bridge.name}.mgmt`]);
	return stdout.trim();
}

test.serial('they come to those who listen, with the cookie of the flow', async t => {
	using connection = await SwitchConnection.open(bridge);
	using deaf = await SwitchConnection.open(bridge);
	await connection.bundle([encodeFlow(`add table=5,cookie=0x${cookie.toString(16)},udp actions=controller:64`)]);
	const packets: PacketIn[] = [];
	await report(connection);
	t.deepEqual(packets, []);
	await connection.onPacketIn(packet => packets.push(packet));
	await report(connection, deaf);
	t.is(packets.length, 1);
	t.like(packets[0], {cookie, table: 5, length: frame.length});
	t.deepEqual(packets[0]?.frame.subarray(0, 64), frame.subarray(0, 64));
	await connection.onPacketIn(undefined);
	await report(connection);
	t.is(packets.length, 1);
});

test.serial('who begins to listen undoes nothing that is asked for meanwhile', async t => {
	using connection = await SwitchConnection.open(bridge);
	await run(['ovs-ofctl', '-O', 'OpenFlow14', 'set-frags', `unix:${bridge.runDirectory}/${bridge.name}.mgmt`, 'normal']);
	const listening = connection.onPacketIn(() => undefined);
	connection.showFirstFragments();
	await listening;
	t.is(await fragments(), 'nx-match');
});

test.serial('who listens changes nothing about fragments', async t => {
	using connection = await SwitchConnection.open(bridge);
	connection.showFirstFragments();
	await connection.onPacketIn(() => undefined);
	t.is(await fragments(), 'nx-match');
	connection.showFirstFragments();
	const packets: PacketIn[] = [];
	await connection.onPacketIn(packet => packets.push(packet));
	connection.showFirstFragments();
	await report(connection);
	t.is(packets.length, 1);
});
