/** Where a lab's drivers come from: what a driver is told of the lab, and which ones there are when nobody chooses. */
import type {Datapath} from '../kernel/capabilities.ts';
import type {Namespace} from '../kernel/namespace.ts';
import type {DeviceKind} from '../policy/inventory.ts';
import type {FirewallName} from '../topology/firewalls.ts';
import type {FirewallDriver} from './driver.ts';
import {createPerimeterDriver} from './iptables-perimeter.ts';
import {createBridgeDriver} from './nftables-bridge.ts';
import {createNftablesDriver} from './nftables-perimeter.ts';
import type {FlowStyle} from './openflow-port-lists.ts';
import {createOpenflowDriver} from './openflow.ts';

export type DriverContext = {
	/** Directory where the daemons of the lab's Open vSwitch have their sockets. */
	readonly runDirectory: string;
	/** What carries the packets of the lab's Open vSwitch. */
	readonly datapath: () => Datapath;
	/** The namespace of a router, a bridge or a switch, by its name. */
	readonly namespaceOf: (device: string) => Namespace;
};

/** Makes a driver for one lab. Each driver is asked only about states that it rendered itself. */
export type DriverFactory = (context: DriverContext) => FirewallDriver<unknown>;

/** One for each kind of enforcement point. */
export type DriverChoice = Readonly<Record<DeviceKind, DriverFactory>>;

export const standardDrivers: DriverChoice = {switch: createOpenflowDriver, bridge: createBridgeDriver, perimeter: createPerimeterDriver};

/** The drivers that are styles of the one for Open vSwitch. */
export const flowStyles: Partial<Readonly<Record<FirewallName, FlowStyle>>> = {openflow: 'rules', sg: 'sg', fwaas: 'fwaas', both: 'both'};

/** The driver for Open vSwitch, with all switches in the style of that name. */
function openflowAs(name: FirewallName): DriverFactory {
	const style = flowStyles[name] ?? 'rules';
	return context => createOpenflowDriver({...context, styleOf: () => style});
}

/** All drivers that have a name: what each is for, and how it is made. */
export const namedDrivers: Readonly<Record<FirewallName, {readonly kind: DeviceKind; readonly create: DriverFactory}>> = {
	'openflow': {kind: 'switch', create: createOpenflowDriver},
	'sg': {kind: 'switch', create: openflowAs('sg')},
	'fwaas': {kind: 'switch', create: openflowAs('fwaas')},
	'both': {kind: 'switch', create: openflowAs('both')},
	'iptables-perimeter': {kind: 'perimeter', create: createPerimeterDriver},
	'nftables-perimeter': {kind: 'perimeter', create: createNftablesDriver},
	'nftables-bridge': {kind: 'bridge', create: createBridgeDriver},
};
