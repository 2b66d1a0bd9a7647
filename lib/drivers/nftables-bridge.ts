/** The driver for Linux bridges: two tables of nftables each, and every change of them one transaction. */
import {inside} from '../kernel/namespace.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {changeTables, readTable} from '../kernel/nftables.ts';
import {setSysctl} from '../kernel/sysctl.ts';
import {KernelError, MachineError} from '../util/errors.ts';
import {inSlices} from '../util/slices.ts';
import type {CompleteDriver, InstalledLine, Step} from './driver.ts';
import {watchKernelLog} from './kernel-log.ts';
import {cutConnections, madeConnections} from './made-connections.ts';
import {namingRefused} from './nftables-refusal.ts';
import {bridgeCommands, bridgeTexts, plainBridge, renderBridge, tablesOf} from './nftables-bridge-render.ts';
import type {BridgeState} from './nftables-bridge-render.ts';
import {placeOf} from './nftables-content.ts';
import type {Content} from './nftables-content.ts';

/** @param namespaceOf the namespace a bridge is in, by its name; several may share one */
export function createBridgeDriver({namespaceOf}: {readonly namespaceOf: (bridge: string) => Namespace}): CompleteDriver<BridgeState> {
	return {
		plain: plainBridge,
		supports: () => [],
		render: renderBridge,
		texts: bridgeTexts,
		differs: (previous, next) => bridgeCommands(previous, next).length > 0,
		check: async step => naming(step, async () => {
			const namespace = namespaceOf(step.device);
			trackBridged(namespace);
			await changeTables(namespace, commandsOf(step), {test: true});
		}),
		discard: async () => Promise.resolve(),
		apply: async step => naming(step, async () => {
			const namespace = namespaceOf(step.device);
			trackBridged(namespace);
			await changeTables(namespace, commandsOf(step));
		}, true),
		list: async devices => new Map(await inSlices([...devices], async ([device, state]) => [device, await listing(namespaceOf(device), state)] as const)),
		settle: async () => Promise.resolve(),
		async connections(devices) {
			const namespaces = [...new Set([...devices.keys()].map(namespaceOf))];
			const made = new Map(await inSlices(namespaces, async namespace => [namespace, await madeConnections(namespace)] as const));
			return new Map([...devices].map(([device, {zone}]) => [device, (made.get(namespaceOf(device)) ?? []).filter(connection => connection.zone === zone)]));
		},
		cut: async (device, _state, connections) => {
			cutConnections(namespaceOf(device), connections);
			return Promise.resolve();
		},
		watchLog: async (device, listener) => Promise.resolve(watchKernelLog(namespaceOf(device), listener, device)),
	};
}

/**
Leads bridged packets through the chains of IP, and so through connection tracking: those of the bridge family can ask it only where the kernel has
nf_conntrack_bridge, which has no zones to keep two bridges of a namespace apart. The setting is the namespace's own. Tagged and PPPoE frames stay what they are.

@throws MachineError
*/
function trackBridged(namespace: Namespace): void {
	try {
		inside(namespace, () => {
			for (const family of ['ip', 'ip6']) {
				setSysctl(`net/bridge/bridge-nf-call-${family}tables`, 1);
			}
		});
	} catch (error) {
		throw error instanceof KernelError && error.errno === 'ENOENT'
			? new MachineError('machine', 'This kernel does not lead bridged packets to connection tracking (br_netfilter): modprobe br_netfilter, or use Open vSwitch for what has to be secured.', {}, {cause: error})
			: error;
	}
}

/** Where nobody knows what is there, the tables are made anew. */
function commandsOf({previous, next, perhaps = []}: Step<BridgeState>): string[] {
	const places = new Set([previous, ...perhaps].flatMap(tablesOf).filter(({chains}) => chains.size > 0).map(placeOf));
	return perhaps.length === 0 ? bridgeCommands(previous, next) : [...[...places].flatMap(place => [`add table ${place}`, `delete table ${place}`]), ...bridgeCommands(plainBridge, next)];
}

async function naming({device, previous, next}: Step<BridgeState>, work: () => Promise<void>, changes = false): Promise<void> {
	await namingRefused(device, () => [next, previous].flatMap(tablesOf).flatMap(content => content.lines), work, changes);
}

/** How nft prints what a line has counted by itself. */
const ownCount = /\bcounter packets (\d+) bytes \d+/;

async function listing(namespace: Namespace, state: BridgeState): Promise<InstalledLine[]> {
	const lists = await Promise.all(tablesOf(state).filter(({chains}) => chains.size > 0).map(async content => listTable(namespace, content)));
	return lists.flat();
}

/** The first line of a rule tells what all its lines have counted. Counts are no part of the text: two looks at an unchanged line show the same. */
async function listTable(namespace: Namespace, content: Content): Promise<InstalledLine[]> {
	const {rules, counters} = await readTable(namespace, content.table);
	const known = new Map(content.lines.map(line => [line.label, line]));
	const told = new Set<string>();
	return rules.map(({chain, text}) => {
		const line = known.get(/ comment "([^"]*)"$/.exec(text)?.[1] ?? '');
		const counter = line?.counter;
		const packets = counter === undefined ? Number(ownCount.exec(text)?.[1] ?? 0) : told.has(counter) ? 0 : counters.get(counter) ?? 0;
		told.add(counter ?? '');
		return {text: `nft add rule ${placeOf(content)} ${chain} ${text.replace(ownCount, 'counter')}`, sentence: line?.sentence, packets, ...(line?.rule === undefined ? {} : {rule: line.rule})};
	});
}
