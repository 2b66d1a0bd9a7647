/** Connections that an Open vSwitch tracks, in either datapath: listed and deleted over ovs-vswitchd's control socket. */
import {addressBytes, parseAddress} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {type TrackedConnection, attempt, connectionOf, throwFailures} from './conntrack.ts';
import {checksum} from './icmp.ts';
import {RpcError} from './jsonrpc.ts';
import {SwitchControl} from './openflow-control.ts';
import {type Bridge, packetsOut, switchControl} from './openflow.ts';
import {protocolNumber} from './protocol.ts';
import {unixctlAll} from './unixctl.ts';

/** Milliseconds for a listing, or for a slice of deletions; 100,000 connections are listed in 0.5 s on an idle machine. */
const timeout = 30_000;

/**
Connections of all zones, by zone.
Equivalent to: `ovs-appctl dpctl/dump-conntrack`

@param before commands that the daemon is to have done first: sent along, they cost no further turn of the daemon's loop, which takes milliseconds when there are many ports
@param control where the daemon may expect to be asked
*/
export async function listSwitchConnections(
	bridge: Pick<Bridge, 'runDirectory'>, {before = [], control = new SwitchControl(bridge)}: {readonly before?: readonly string[]; readonly control?: SwitchControl} = {},
): Promise<Map<number, TrackedConnection[]>> {
	const dump = (await control.ask([...before, 'dpctl/dump-conntrack'], timeout)).at(-1) ?? '';
	const byZone = new Map<number, TrackedConnection[]>();
	for (const line of dump.split('\n').filter(each => each.includes('orig=('))) {
		const zone = Number(/\bzone=(\d+)/.exec(line)?.[1] ?? 0);
		const known = byZone.get(zone) ?? [];
		known.push(readConnection(line));
		byZone.set(zone, known);
	}

	return byZone;
}

/**
Deletes connections of one zone, all in one go; one that is gone already is fine.
Equivalent to: `ovs-appctl dpctl/flush-conntrack zone=ZONE TUPLE`, once a connection

ICMPv6 connections stay but lose their mark: Open vSwitch 3.1 aborts when it is to delete one by its tuple (it looks for the
reply of an ICMPv6 type among the types of ICMP). For a policy an unmarked connection is none (POLICY 2.3).

@throws ConnectionsError with those that the switch refuses to delete for another reason; the others are deleted
@throws RpcError when nobody listens; FlowError or SecureNetError `no-answer` as of `packetsOut`
*/
export async function deleteSwitchConnections(bridge: Bridge, zone: number, connections: readonly TrackedConnection[]): Promise<void> {
	const failures: string[] = [];
	const known = connections.filter(connection => attempt(connection, failures, refuseMixture));
	await flush(bridge, zone, known.filter(connection => !isPing6(connection)), failures);
	await unmark(bridge, zone, known.filter(isPing6));
	throwFailures(failures);
}

async function flush(bridge: Bridge, zone: number, connections: readonly TrackedConnection[], failures: string[]): Promise<void> {
	const tuples = new Map<TrackedConnection, string>();
	for (const connection of connections) {
		attempt(connection, failures, () => tuples.set(connection, tuple(connection)));
	}

	if (tuples.size === 0) {
		return;
	}

	const answers = await unixctlAll(switchControl(bridge), 'dpctl/flush-conntrack', [...tuples.values()].map(each => [`zone=${zone}`, each]), timeout);
	for (const [index, connection] of [...tuples.keys()].entries()) {
		attempt(connection, failures, () => {
			throwRefusal(answers[index]);
		});
	}
}

async function unmark(bridge: Bridge, zone: number, pings: readonly TrackedConnection[]): Promise<void> {
	if (pings.length > 0) {
		const actions = `ct(commit,zone=${zone},exec(set_field:0->ct_mark))`;
		await packetsOut(bridge, pings.map(connection => ({bytes: echoRequest(connection), actions})));
	}
}

/** `tcp,orig=(src=…,dst=…,sport=…,dport=…),reply=(…),zone=5,mark=1,protoinfo=(…)` */
function readConnection(line: string): TrackedConnection {
	const [, protocol = '', original = '', rest = ''] = /^(\w+),orig=\(([^)]*)\),reply=\([^)]*\)(.*)$/.exec(line) ?? [];
	const fields = new Map([...`${original}${rest}`.matchAll(/\b(\w+)=([^,()]+)/g)].map(([, key = '', value = '']) => [key, value]));
	return connectionOf(original.includes(':') ? 6 : 4, protocol, fields);
}

/** The tuple as flush-conntrack reads it, see ovs-vswitchd(8). */
function tuple({family, protocol, source, destination, sport, dport, icmp}: TrackedConnection): string {
	const prefix = family === 4 ? 'ct_nw' : 'ct_ipv6';
	const parts = [`${prefix}_src=${source}`, `${prefix}_dst=${destination}`, `ct_nw_proto=${protocolNumber(protocol)}`];
	if (icmp) {
		parts.push(`icmp_type=${icmp.type}`, `icmp_code=${icmp.code}`, `icmp_id=${icmp.id}`);
	} else if (sport !== undefined && dport !== undefined) {
		parts.push(`ct_tp_src=${sport}`, `ct_tp_dst=${dport}`);
	}

	return parts.join(',');
}

function throwRefusal(answer: PromiseSettledResult<string> | undefined): void {
	if (answer?.status === 'rejected' && !isGone(answer.reason)) {
		throw answer.reason;
	}
}

/** The daemon's words for ENOENT. */
function isGone(reason: unknown): boolean {
	return reason instanceof RpcError && String(reason.answer).includes('No such file or directory');
}

/** ICMP in an IPv6 packet, or ICMPv6 in an IPv4 packet: Open vSwitch 3.1 tracks it, but lists it with type and id 0, by which nothing finds it again. */
function refuseMixture({family, protocol}: TrackedConnection): void {
	if (protocol === (family === 4 ? 'icmpv6' : 'icmp')) {
		throw new SecureNetError('mixture', `Open vSwitch cannot find a connection of ${protocol} in IPv${family} packets`);
	}
}

function isPing6({protocol}: TrackedConnection): boolean {
	return protocol === 'icmpv6';
}

/** Numbers of RFC 8200 and RFC 4443. */
const icmpv6 = 58;
const etherType = 0x86_DD;

/** An Ethernet frame with a packet of the connection's original direction: the tracker checks its checksum, nobody receives it. */
function echoRequest({source, destination, icmp = {id: 0, type: 128, code: 0}}: TrackedConnection): Buffer {
	const message = Buffer.alloc(8);
	message.writeUInt8(icmp.type, 0);
	message.writeUInt8(icmp.code, 1);
	message.writeUInt16BE(icmp.id, 4);
	const addresses = [source, destination].map(text => addressBytes(parseAddress(text)));
	const pseudoHeader = Buffer.concat([...addresses, Uint8Array.of(0, 0, 0, message.length, 0, 0, 0, icmpv6)]);
	message.writeUInt16BE(checksum(Buffer.concat([pseudoHeader, message])), 2);
	const ethernet = Buffer.alloc(14);
	ethernet.writeUInt16BE(etherType, 12);
	const ip = Buffer.from([0x60, 0, 0, 0, 0, message.length, icmpv6, 64]);
	return Buffer.concat([ethernet, ip, ...addresses, message]);
}
