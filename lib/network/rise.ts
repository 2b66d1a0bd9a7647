/** Makes a whole blueprint real, in portions: Open vSwitch takes over the switches of one while the next is being made. */
import type {Namespace} from '../kernel/namespace.ts';
import type {ConfigureOptions} from '../node/configure.ts';
import type {Node} from '../node/node.ts';
import type {Blueprint, InterfacePlan, NodePlan} from '../topology/blueprint.ts';
import {type BuildOptions, configureNodes, createBridges, createFabric, createLinks, createNodeNamespaces, layOutPorts, layOutStations, shapeInterfaces} from './build.ts';
import type {Journal} from './journal.ts';
import {Made} from './made.ts';
import {permanentNeighbors} from './neighbors.ts';
import {fabricKey, facingSwitches, makeRoomForNeighbors, namespaceNames, refuseTaken} from './needs.ts';
import {ovsDirectory, syncDirectory, tunnelDirectory} from './paths.ts';
import {isSwitching, portionsOf} from './portions.ts';
import {type StateSyncOptions, startStateSync} from './state-sync.ts';
import {Switching, type SwitchingOptions} from './switching.ts';
import {Tunnels, type TunnelsOptions} from './tunnels.ts';

export type RiseOptions = Pick<StateSyncOptions & SwitchingOptions & TunnelsOptions, 'prepare' | 'started' | 'died' | 'changed'> & {
	readonly lab: string;
	readonly journal: Journal;
	/** Takes every namespace as soon as it is made, by its node's name: what a failure leaves is known. */
	readonly namespaces: Map<string, Namespace>;
	/** Is told of the switches as soon as their daemons start. */
	readonly switching: (switching: Switching) => void;
	/** Is told of the tunnels before any is made. */
	readonly tunnels: (tunnels: Tunnels) => void;
	/** Permanent neighbour entries everywhere. */
	readonly arp: boolean;
	readonly signal: AbortSignal | undefined;
	readonly progress: ((progress: Progress) => void) | undefined;
};

/** How far it is: objects made, of all there will be. */
export type Progress = {readonly what: string; readonly done: number; readonly total: number};

/** What was made when a step fails is the caller's to take away. @throws what the step that failed threw */
export async function rise(blueprint: Blueprint, rising: RiseOptions): Promise<Made> {
	const {lab, journal, namespaces} = rising;
	const names = namespaceNames(lab, blueprint);
	const options = buildOptions(blueprint, Object.keys(names).length, rising);
	refuseTaken(Object.values(names));
	journal.willMakeNamespaces(names);
	const neighborRoom = rising.arp ? Infinity : makeRoomForNeighbors(lab, blueprint);
	const {fabric, inherited} = createFabric(lab);
	namespaces.set(fabricKey, fabric);
	const switching = startSwitching(blueprint, fabric, rising);
	const {interfaces, masters} = layOutPorts(blueprint, fabric);
	createBridges(blueprint, fabric, masters);
	for (const {switches, stations, links} of portionsOf(blueprint)) {
		await createNodeNamespaces(stations, inherited, namespaces, options);
		layOutStations(stations, namespaces, interfaces);
		await createLinks(links, fabric, interfaces, options);
		switching?.addPorts(switches.filter(({kind}) => kind === 'switch'));
	}

	const tunnels = new Tunnels({...rising, directory: tunnelDirectory(lab)});
	rising.tunnels(tunnels);
	await tunnels.makeDevices(blueprint.tunnels, interfaces);
	const made = new Made({lab, journal, fabric, inherited, namespaces, masters, switching, tunnels, neighborRoom}, blueprint, interfaces);
	await configureNodes([...made.nodes.values()].filter(node => !isSwitching(node)), await configuration(blueprint, switching, rising), options);
	await switching?.ready();
	await shapeInterfaces(interfaces.values(), options);
	await tunnels.rule(blueprint, made.nodes);
	await tunnels.connect(blueprint.tunnels, interfaces, rising.signal);
	await startStateSync({...rising, blueprint, node: name => made.nodes.get(name) as Node, directory: syncDirectory(lab)});
	return made;
}

/** Each namespace is made and later gets its addresses. */
function buildOptions({links}: Blueprint, namespaces: number, {lab, signal, progress}: RiseOptions): BuildOptions {
	const total = (2 * (namespaces - 1)) + links.length;
	let done = 0;
	return {
		lab,
		signal,
		made(what, count) {
			done += count;
			progress?.({what, done, total});
		},
	};
}

function startSwitching({nodes}: Blueprint, fabric: Namespace, {lab, prepare, started, died, switching: tell}: RiseOptions): Switching | undefined {
	const switches = [...nodes.values()].filter(({kind}) => kind === 'switch');
	if (switches.length === 0) {
		return undefined;
	}

	const switching = new Switching({fabric, directory: ovsDirectory(lab), switches, prepare, started, died});
	tell(switching);
	return switching;
}

async function configuration(blueprint: Blueprint, switching: Switching | undefined, {arp}: RiseOptions): Promise<(node: {readonly name: string; readonly plan: NodePlan}) => ConfigureOptions> {
	const neighbors = arp ? permanentNeighbors(blueprint) : undefined;
	const facing = await switching?.needsChecksums() ? facingSwitches(blueprint) : new Set<InterfacePlan>();
	return ({name, plan}) => ({
		withoutTxChecksum: plan.interfaces.filter(each => facing.has(each)).map(each => each.name),
		...(neighbors?.has(name) ? {neighbors: neighbors.get(name) ?? new Map()} : {}),
	});
}
