/** Asks Open vSwitch itself what rendered flows do with a packet: a daemon with dummy ports and `ofproto/trace`. No root, no packets. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {diffFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import type {FlowState} from '../../lib/drivers/openflow-render.ts';
import {bundle} from './bundle.ts';
import {dumpFlows, switchControl, trace} from '../../lib/kernel/openflow.ts';
import type {Flow} from '../../lib/kernel/openflow.ts';
import {run} from '../../lib/kernel/process.ts';
import {type RunningProgram, isAlive, start} from '../../lib/kernel/daemon.ts';
import {unixctl} from '../../lib/kernel/unixctl.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import type {Packet} from '../../lib/policy/evaluate.ts';
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
	async install(plan: DevicePlan): Promise<string[]> {
		const next = renderFlows(plan, this.#state);
		const lines = diffFlows(this.#state, next).map(({line}) => line);
		await bundle(this.bridge, lines);
		this.#state = next;
		return lines;
	}

	/** OpenFlow ports that the packet leaves by; empty when it is dropped. The last of several translations decides. */
	async ports(flow: string, states: readonly string[] = ['trk,new']): Promise<number[]> {
		const answer = await trace(this.bridge, flow, states);
		const actions = [...answer.matchAll(/^Datapath actions: (.*)$/gm)].at(-1)?.[1] ?? '';
		return actions.split(',').filter(action => /^\d+$/.test(action)).map(Number);
	}

	/** Sends a packet into a port, to be tracked and forwarded as in earnest. @param flow in datapath notation, such as `in_port(1),eth(…),…` */
	async receive(port: number, flow: string): Promise<void> {
		await unixctl(switchControl(this.bridge), 'netdev-dummy/receive', [`p${port}`, flow]);
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

/** Whether the flows let the first packet of a TCP connection pass. @param inPort the source's own port when it is attached here */
export async function verdictByTrace(oracle: FlowOracle, plan: DevicePlan, {source, destination}: Packet, inPort: number): Promise<'allow' | 'deny'> {
	const mac = plan.guarded.find(({port}) => port === inPort)?.mac ?? '02:00:00:00:00:fe';
	const [router] = plan.shared.routers.prefixes.some(prefix => contains(prefix, destination)) ? plan.shared.routerMacs : [];
	const receiver = router ?? plan.guarded.find(({addresses}) => addresses.some(own => sameAddress(own, destination)))?.mac ?? '02:00:00:00:00:ff';
	const [tcp, from, to] = source.family === 4 ? ['tcp', 'nw_src', 'nw_dst'] : ['tcp6', 'ipv6_src', 'ipv6_dst'];
	const flow = `in_port=${inPort},${tcp},dl_src=${mac},dl_dst=${receiver},${from}=${formatAddress(source)},${to}=${formatAddress(destination)},nw_ttl=64,tcp_src=1024,tcp_dst=80,tcp_flags=syn`;
	return (await oracle.ports(flow)).length > 0 ? 'allow' : 'deny';
}

async function vsctl(database: string, args: readonly string[]): Promise<void> {
	await run(['ovs-vsctl', `--db=${database}`, ...args]);
}
