/** Flows of a bridge: listed and traced, and packets sent into it, by ovs-ofctl(8) and ovs-vswitchd's control socket. Flows are changed by openflow-connection.ts. */
import {SecureNetError} from '../util/errors.ts';
import {FlowError} from './openflow-errors.ts';
import {ProgramError, run} from './process.ts';
import {unixctl} from './unixctl.ts';

/** A bridge of a private Open vSwitch. */
export type Bridge = {
	/** Where the daemons' sockets are. */
	readonly runDirectory: string;
	readonly name: string;
};

export type Flow = {
	readonly cookie: bigint;
	readonly table: number;
	readonly priority: number;
	readonly packets: number;
	readonly bytes: number;
	/** Match and actions, such as `tcp,in_port=1,tp_dst=80 actions=drop`. */
	readonly text: string;
};

/** Bundles came with OpenFlow 1.4. */
const version = ['-O', 'OpenFlow14'];
/** Milliseconds for a change and for each of its lines; 10,000 flows take 0.3 s on an idle machine. */
const patience = {change: 5000, line: 1} as const;
/** Milliseconds for a listing: nobody knows before how long it gets. */
const listingPatience = 10_000;
/** Priority of a flow that names none, see ovs-ofctl(8). */
const defaultPriority = 32_768;

/**
Flows of all tables, or of those that `match` selects.
Equivalent to: `ovs-ofctl -O OpenFlow14 dump-flows BRIDGE [MATCH]`

@throws SecureNetError `no-answer` when the switch does not answer within 10 s
*/
export async function dumpFlows(bridge: Bridge, match?: string): Promise<Flow[]> {
	const {stdout} = await control(bridge, ['--no-names', 'dump-flows', target(bridge), ...(match === undefined ? [] : [match])], [], [], listingPatience);
	return stdout.split('\n').filter(line => line.startsWith(' cookie=')).map(readFlow);
}

/**
What the switch would do with a packet, step by step. No packet is sent.
Equivalent to: `ovs-appctl ofproto/trace BRIDGE FLOW [--ct-next STATE …]`

@param flow such as `in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2`
@param states connection states that the successive `ct` actions find, such as `trk,new`
@throws RpcError when the flow cannot be read
*/
export async function trace(bridge: Bridge, flow: string, states: readonly string[] = []): Promise<string> {
	return unixctl(switchControl(bridge), 'ofproto/trace', [bridge.name, flow, ...states.flatMap(state => ['--ct-next', state])]);
}

/** Control socket of the ovs-vswitchd that runs the bridge. */
export function switchControl({runDirectory}: Pick<Bridge, 'runDirectory'>): string {
	return `${runDirectory}/ovs-vswitchd.ctl`;
}

/**
Sends packets into the switch as if a controller did, all in one transaction.
Equivalent to: `ovs-ofctl -O OpenFlow14 bundle BRIDGE -` with lines `packet-out …`

@throws FlowError, or SecureNetError `no-answer`, as `bundle`
*/
export async function packetsOut(bridge: Bridge, packets: ReadonlyArray<{readonly bytes: Buffer; readonly actions: string}>): Promise<void> {
	const lines = packets.map(({bytes, actions}) => `packet-out in_port=controller,packet=${bytes.toString('hex')},actions=${actions}`);
	await control(bridge, ['bundle', target(bridge), '-'], lines, lines);
}

/**
Adds a meter, which flows may then name. Meters are no part of bundles: add them before, and delete them after.
Equivalent to: `ovs-ofctl -O OpenFlow14 add-meter BRIDGE METER`

@param meter such as `meter=1,pktps,burst,band=type=drop,rate=10,burst_size=20`
@throws FlowError when there is one of this number
*/
export async function addMeter(bridge: Bridge, meter: string): Promise<void> {
	await control(bridge, ['add-meter', target(bridge), meter], [], [meter]);
}

/**
Adds a meter, or puts it in the place of the one of its number.
Equivalent to: `ovs-ofctl -O OpenFlow14 add-meter BRIDGE METER`, and `mod-meter` when there is one

@param meter as for `addMeter` @throws FlowError
*/
export async function setMeter(bridge: Bridge, meter: string): Promise<void> {
	try {
		await addMeter(bridge, meter);
	} catch (error) {
		if (!(error instanceof FlowError && error.message.includes('OFPMMFC_METER_EXISTS'))) {
			throw error;
		}

		await control(bridge, ['mod-meter', target(bridge), meter], [], [meter]);
	}
}

/**
Deletes a meter, and flows that still name it with it.
Equivalent to: `ovs-ofctl -O OpenFlow14 del-meters BRIDGE meter=ID`
*/
export async function deleteMeter(bridge: Bridge, id: number): Promise<void> {
	await control(bridge, ['del-meters', target(bridge), `meter=${id}`], [], []);
}

function target({runDirectory, name}: Bridge): string {
	return `unix:${runDirectory}/${name}.mgmt`;
}

/** Runs ovs-ofctl with `input` as its lines; `shown` are the same lines as an error should quote them. */
async function control(bridge: Bridge, args: readonly string[], input: readonly string[], shown: readonly string[], timeout = patience.change + patience.line * input.length) {
	try {
		return await run(['ovs-ofctl', ...version, ...args], {input: input.map(line => `${line}\n`).join(''), timeout});
	} catch (error) {
		throw error instanceof ProgramError ? meaningOf(error, bridge, shown, timeout) : error;
	}
}

function meaningOf(error: ProgramError, bridge: Bridge, lines: readonly string[], timeout: number): SecureNetError {
	if (error.timedOut) {
		return new SecureNetError('no-answer', `Switch ${bridge.name}: ovs-vswitchd did not answer within ${timeout / 1000} s.`, {}, {cause: error});
	}

	return error.stderr === '' ? error : flowError(bridge, error, lines);
}

/** ovs-ofctl names the line (`-:3: …`) of what it cannot read; what the switch refuses comes back in the switch's own notation. */
function flowError({name}: Bridge, error: ProgramError, lines: readonly string[]): FlowError {
	const unreadable = /^ovs-ofctl: -:(\d+): (.*)$/m.exec(error.stderr);
	if (unreadable) {
		return new FlowError(name, lines[Number(unreadable[1]) - 1], unreadable[2] ?? '', {cause: error});
	}

	const refused = /^Error (\w+) for: OFPT_\w+ \(OF[\d.]+\) \(xid=\w+\): (.*)$/m.exec(error.stderr);
	return new FlowError(name, refused?.[2], refused?.[1] ?? error.stderr.trim().replace(/^ovs-ofctl: /, ''), {cause: error});
}

/** Statistics stand before the match, each followed by a comma and a space; a match has commas without spaces. */
function readFlow(line: string): Flow {
	const end = line.search(/\bactions=/);
	const parts = line.slice(0, end).trimStart().split(', ');
	const stats = new Map(parts.slice(0, -1).map(part => part.split('=', 2) as [string, string]));
	// Flags such as send_flow_rem stand between the statistics and the match, each followed by a space.
	const matches = (parts.at(-1) ?? '').trimEnd().split(' ').at(-1)?.split(',').filter(Boolean) ?? [];
	const priority = matches.find(field => field.startsWith('priority='))?.slice('priority='.length);
	return {
		cookie: BigInt(stats.get('cookie') ?? 0),
		table: Number(stats.get('table') ?? 0),
		priority: Number(priority ?? defaultPriority),
		packets: Number(stats.get('n_packets') ?? 0),
		bytes: Number(stats.get('n_bytes') ?? 0),
		text: `${matches.filter(field => !field.startsWith('priority=')).join(',')} ${line.slice(end)}`.trim(),
	};
}
