/** Asks Open vSwitch itself what rendered flows do with a packet: a daemon with dummy ports and `ofproto/trace`. No packets. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {madeByPolicy} from '../../lib/drivers/driver.ts';
import {prepareSwitch} from '../../lib/drivers/openflow-change.ts';
import {answered} from '../../lib/drivers/openflow-reject.ts';
import type {FlowStyle} from '../../lib/drivers/openflow-port-lists.ts';
import {diffFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import type {FlowState} from '../../lib/drivers/openflow-render.ts';
import {SwitchConnection} from '../../lib/kernel/openflow-connection.ts';
import {encodeFlow} from '../../lib/kernel/openflow-flow.ts';
import {dumpFlows, switchControl, trace} from '../../lib/kernel/openflow.ts';
import type {Flow} from '../../lib/kernel/openflow.ts';
import {run} from '../../lib/kernel/process.ts';
import {type RunningProgram, isAlive, start} from '../../lib/kernel/daemon.ts';
import {unixctl} from '../../lib/kernel/unixctl.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import type {Packet} from '../../lib/policy/evaluate.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import {contains, formatAddress, sameAddress} from '../../lib/util/address.ts';

const portCount = 12;
/** A port that no plan knows: what comes in there is another switch's or a router's. */
export const trunk = portCount;
const schema = '/usr/share/openvswitch/vswitch.ovsschema';

export class FlowOracle {
	readonly #directory: string;
	readonly #daemons: readonly RunningProgram[];
	/** What stands on the bridge; each plan is installed by the difference, as drivers do. */
	#state: FlowState = plainSwitch;

	private constructor(directory: string, daemons: readonly RunningProgram[]) {
		this.#directory = directory;
		this.#daemons = daemons;
	}

	static async start(): Promise<FlowOracle> {
		const directory = mkdtempSync(join(tmpdir(), 'oracle-'));
		const env = {OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory};
		const database = `unix:${directory}/db.sock`;
		const options = ['-vconsole:off', '-vsyslog:off', '-vfile:off'];
		await run(['ovsdb-tool', 'create', `${directory}/conf.db`, schema], {env});
		const server = start(['ovsdb-server', `${directory}/conf.db`, `--remote=punix:${directory}/db.sock`, `--unixctl=${directory}/ovsdb-server.ctl`, ...options], {env});
		await vsctl(database, ['--retry', '--no-wait', 'init']);
		const daemon = start(['ovs-vswitchd', database, '--enable-dummy', `--unixctl=${directory}/ovs-vswitchd.ctl`, ...options], {env});
		const oracle = new FlowOracle(directory, [daemon, server]);
		const ports = Array.from({length: portCount}, (_, index) => index + 1).flatMap(port => ['--', 'add-port', 's1', `p${port}`, '--', 'set', 'interface', `p${port}`, 'type=dummy', `ofport_request=${port}`]);
		await vsctl(database, ['add-br', 's1', '--', 'set', 'bridge', 's1', 'datapath_type=dummy', ...ports]);
		return oracle;
	}

	get bridge() {
		return {runDirectory: this.#directory, name: 's1'};
	}

	/** Turns what is installed into the plan's flows. Returns the lines of the bundle. */
	async install(plan: DevicePlan, style: FlowStyle = 'rules'): Promise<string[]> {
		const next = renderFlows(plan, this.#state, style);
		const lines = diffFlows(this.#state, next).map(({line}) => line);
		using connection = await SwitchConnection.open(this.bridge);
		const prepared = await prepareSwitch(this.bridge, connection, {device: 's1', previous: this.#state, next}, lines.map(encodeFlow));
		await prepared.commit();
		this.#state = next;
		return lines;
	}

	/** OpenFlow ports that the packet leaves by; empty when it is dropped. */
	async ports(flow: string, states: readonly string[] = ['trk,new']): Promise<number[]> {
		return (await this.outcome(flow, states)).ports;
	}

	/** The last of several translations tells the ports; `mark` is that of the connection that the packet makes, undefined when it makes none. */
	async outcome(flow: string, states: readonly string[]): Promise<{readonly ports: number[]; readonly mark: number | undefined}> {
		const actions = await this.actions(flow, states);
		const mark = /commit,[^)]*\bmark=(\w+)/.exec(actions.join('\n'))?.[1];
		return {ports: actions.at(-1)?.split(',').filter(action => /^\d+$/.test(action)).map(Number) ?? [], mark: mark === undefined ? undefined : Number(mark)};
	}

	/** What each of the translations of a packet tells the datapath to do. */
	async actions(flow: string, states: readonly string[]): Promise<string[]> {
		const answer = await trace(this.bridge, flow, states);
		return [...answer.matchAll(/^Datapath actions: (.*)$/gm)].map(([, text = '']) => text);
	}

	/** Sends a packet into a port, to be tracked and forwarded as in earnest. @param flow in datapath notation, such as `in_port(1),eth(…),…`, or a frame as hexadecimal digits */
	async receive(port: number, flow: string): Promise<void> {
		await unixctl(switchControl(this.bridge), 'netdev-dummy/receive', [`p${port}`, flow]);
	}

	/** Makes the datapath forget what it has decided by earlier flows. */
	async settle(): Promise<void> {
		await unixctl(switchControl(this.bridge), 'upcall/enable-megaflows', []);
	}

	/** Lets time pass for the switch alone. @param milliseconds all at once */
	async warp(milliseconds: number): Promise<void> {
		await unixctl(switchControl(this.bridge), 'time/warp', [String(milliseconds)]);
	}

	/** Packets that have left by a port. */
	async sent(port: number): Promise<number> {
		return Number(/tx pkts=(\d+)/.exec(await this.#ofctl('dump-ports', String(port)))?.[1]);
	}

	/** Numbers of the meters that the switch has. */
	async meters(): Promise<number[]> {
		return [...(await this.#ofctl('dump-meters')).matchAll(/^meter=(\d+)/gm)].map(([, id]) => Number(id));
	}

	async #ofctl(command: string, ...args: readonly string[]): Promise<string> {
		const {stdout} = await run(['ovs-ofctl', '-O', 'OpenFlow14', command, `unix:${this.#directory}/s1.mgmt`, ...args]);
		return stdout;
	}

	async dump(): Promise<Flow[]> {
		return dumpFlows(this.bridge);
	}

	async stop(): Promise<void> {
		for (const {pid, startTime} of this.#daemons) {
			process.kill(pid, 'SIGKILL');
			while (isAlive(pid, startTime)) {
				await sleep(5);
			}
		}

		rmSync(this.#directory, {recursive: true, force: true});
	}
}

/** What the flows do with a packet that is part of no connection. A rejected one that they leave to a firewall is denied. @param inPort the source's own port when it is attached here */
export async function verdictByTrace(oracle: FlowOracle, plan: DevicePlan, packet: Packet, inPort: number): Promise<{readonly action: 'allow' | 'deny'; readonly stateful: boolean}> {
	const {source, destination, protocol, opens = true} = packet;
	const mac = plan.guarded.find(({port}) => port === inPort)?.mac ?? '02:00:00:00:00:fe';
	const [router] = plan.shared.routers.prefixes.some(prefix => contains(prefix, destination)) ? plan.shared.routerMacs : [];
	const receiver = router ?? plan.guarded.find(({addresses}) => addresses.some(own => sameAddress(own, destination)))?.mac ?? '02:00:00:00:00:ff';
	const [from, to] = source.family === 4 ? ['nw_src', 'nw_dst'] : ['ipv6_src', 'ipv6_dst'];
	const addresses = `${from}=${formatAddress(source)},${to}=${formatAddress(destination)}`;
	// A switch knows TCP of midstream by its flags, everything else by what connection tracking says.
	const state = opens || protocol === protocolNumbers.tcp ? 'trk,new' : 'trk,inv';
	const {ports, mark} = await oracle.outcome(`in_port=${inPort},dl_src=${mac},dl_dst=${receiver},${headerMatch(packet)},${addresses},nw_ttl=64`, [state]);
	return {action: ports.length > 0 && mark !== answered ? 'allow' : 'deny', stateful: mark === madeByPolicy};
}

/** Fields by the names of ovs-fields(7): a trace takes no others. */
function headerMatch({source: {family}, protocol, sport, dport, icmpType, icmpCode, opens = true}: Packet): string {
	const six = family === 6 ? '6' : '';
	const ports = (name: string) => `${name}${six},${name}_src=${sport ?? 0},${name}_dst=${dport ?? 0}`;
	switch (protocol) {
		case protocolNumbers.tcp:
			return `${ports('tcp')},tcp_flags=${opens ? 'syn' : 'ack'}`;
		case protocolNumbers.udp:
			return ports('udp');
		case protocolNumbers.sctp:
			return ports('sctp');
		default: {
			const icmp = family === 6 ? 'icmpv6' : 'icmp';
			return icmpType === undefined ? `ip${family === 6 ? 'v6' : ''},nw_proto=${protocol}` : `icmp${six},${icmp}_type=${icmpType},${icmp}_code=${icmpCode ?? 0}`;
		}
	}
}

async function vsctl(database: string, args: readonly string[]): Promise<void> {
	await run(['ovs-vsctl', `--db=${database}`, ...args]);
}
