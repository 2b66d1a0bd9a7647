/** The driver for Open vSwitch: one bundle a change, only the flows that differ. */
import type {Datapath} from '../kernel/capabilities.ts';
import {SwitchControl} from '../kernel/openflow-control.ts';
import {dumpFlows, switchControl} from '../kernel/openflow.ts';
import type {Flow as DumpedFlow} from '../kernel/openflow.ts';
import {deleteConnections} from '../kernel/conntrack.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {deleteSwitchConnections, listSwitchConnections} from '../kernel/switch-conntrack.ts';
import {unixctl} from '../kernel/unixctl.ts';
import {inSlices} from '../util/slices.ts';
import {flowTexts} from './device-texts.ts';
import {isMadeByPolicy} from './driver.ts';
import type {CompleteDriver, InstalledLine} from './driver.ts';
import {cookieOf} from './flow.ts';
import type {FlowStyle} from './openflow-port-lists.ts';
import {allFlows, diffFlows, plainSwitch, renderFlows, unsupportedByFlows} from './openflow-render.ts';
import type {FlowState} from './openflow-render.ts';
import {SwitchSteps} from './openflow-steps.ts';
import type {Hits} from './openflow-steps.ts';
import {Switches} from './openflow-switches.ts';

export type OpenflowOptions = {
	/** Where the daemons of the lab's Open vSwitch have their sockets. */
	readonly runDirectory: string;
	/** Of its bridges; they differ in what connection tracking knows. Default `netdev`. */
	readonly datapath?: () => Datapath;
	/** The namespace that a switch is in, by its name: needed where it forwards in the kernel. */
	readonly namespaceOf?: (device: string) => Namespace;
	/** The style of a switch, asked whenever it is rendered: another one than before is a change like any other. Default `rules`. */
	readonly styleOf?: (device: string) => FlowStyle;
};

/** What makes the decisions that a datapath remembers those of the new flows. */
const renew = {
	/**
	Stops the threads that make and look through decisions, drops all of them, and starts the threads again: some 1.5 ms, and some 10 with
	thousands of decisions, for which ports wait. That megaflows are used is so anyway. `revalidator/purge` drops decisions beside those
	threads: Open vSwitch 3.1 then passes over the ones that are being looked through.
	*/
	netdev: ['upcall/enable-megaflows'],
	/**
	Waits for two looks through them, as one may have begun before the change; takes some 100 ms. Decisions change in their place then. Without them packets
	queue for the daemon, and on a busy machine more than the queue holds; to purge them has ended Open vSwitch 3.1.
	*/
	system: ['revalidator/wait', 'revalidator/wait'],
} as const satisfies Record<Datapath, readonly string[]>;

export function createOpenflowDriver({runDirectory, datapath = () => 'netdev', namespaceOf, styleOf = () => 'rules'}: OpenflowOptions): CompleteDriver<FlowState> {
	const bridgeOf = (name: string) => ({runDirectory, name});
	const control = new SwitchControl({runDirectory});
	const switches = new Switches(bridgeOf);
	const steps = new SwitchSteps(bridgeOf, switches);
	return {
		plain: plainSwitch,
		supports: plan => unsupportedByFlows(plan, datapath(), styleOf(plan.device)),
		render: (plan, previous) => renderFlows(plan, previous, styleOf(plan.device)),
		texts: flowTexts,
		differs: (previous, next) => diffFlows(previous, next).length > 0,
		check: async step => steps.check(step),
		discard: async ({device}) => steps.discard(device),
		async apply(step) {
			control.expect();
			await steps.apply(step);
		},
		async list(devices) {
			// Packets that went by the datapath's remembered decisions are counted once it has been looked through.
			await unixctl(switchControl({runDirectory}), 'revalidator/wait', []);
			return new Map(await inSlices([...devices], async ([device, state]) => [device, listing(await dumpFlows(bridgeOf(device)), state, steps.carried(device))] as const));
		},
		counted: async devices => new Map(await Promise.all([...devices].map(async ([device, {state, rules}]) => [device, await steps.counted(device, state, rules)] as const))),
		async settle() {
			await control.ask(renew[datapath()]);
		},
		async connections(devices) {
			const byZone = await listSwitchConnections({runDirectory}, {before: renew[datapath()], control});
			return new Map([...devices].map(([device, state]) => [device, (byZone.get(zoneOf(state)) ?? []).filter(isMadeByPolicy)]));
		},
		async cut(device, state, connections) {
			if (namespaceOf && datapath() === 'system') {
				// The kernel's own door: through that of Open vSwitch it deletes TCP, UDP and ICMP only.
				deleteConnections(namespaceOf(device), connections);
			} else {
				await deleteSwitchConnections(bridgeOf(device), zoneOf(state), connections);
			}
		},
		watchLog: async (device, listener) => switches.listen(device, listener),
		close(device) {
			switches.close(device);
			steps.forget(device);
		},
	};
}

/** Connection tracking zone; a switch that no policy has touched tracks nothing. */
function zoneOf({plan}: FlowState): number {
	return plan?.zone ?? 0;
}

/** Joins what the switch holds with what was rendered; what a rule's earlier flows had counted goes to the first that counts now. */
function listing(dumped: readonly DumpedFlow[], state: FlowState, carried: Hits): InstalledLine[] {
	const known = new Map(allFlows(state).map(flow => [`${flow.table} ${cookieOf(flow)}`, flow]));
	const waiting = new Map(carried);
	return dumped.map(({cookie, table: number, priority, packets, text}) => {
		const flow = known.get(`${number} ${cookie}`);
		const rule = flow?.counts ? flow.rule : undefined;
		const more = rule === undefined ? 0 : waiting.get(rule) ?? 0;
		waiting.delete(rule ?? 0);
		return {text: `table=${number} priority=${priority} ${text}`, sentence: flow?.sentence, packets: packets + more, ...(rule === undefined ? {} : {rule})};
	});
}
