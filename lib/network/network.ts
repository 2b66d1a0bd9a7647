/** A blueprint made real: namespaces, links and switches that exist from `up` to `down`, and leave no trace after it. */
import {EventEmitter} from 'node:events';
import {requireCapabilities} from '../kernel/capabilities.ts';
import {type LinkWatch, watchLinks} from '../kernel/monitor.ts';
import {type Namespace, closeNamespace} from '../kernel/namespace.ts';
import type {Interface} from '../link/interface.ts';
import {Link} from '../link/link.ts';
import type {ConfigureOptions} from '../node/configure.ts';
import {Node} from '../node/node.ts';
import type {Blueprint, InterfacePlan} from '../topology/blueprint.ts';
import {InputError, SecureNetError, messageOf} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import {type BuildOptions, configureNodes, createBridges, createFabric, createLinks, createNodeNamespaces, interfaceOf, layOutPorts, layOutStations, shapeInterfaces} from './build.ts';
import {Journal, type ProcessRecord, readRecord} from './journal.ts';
import {permanentNeighbors} from './neighbors.ts';
import {fabricKey, facingSwitches, makeRoomForNeighbors, namespaceNames, neededCapabilities, refuseTaken, requireShapedLinks} from './needs.ts';
import {checkLabName, labDirectory, ovsDirectory, ovsEnvironment, syncDirectory} from './paths.ts';
import {isSwitching, portionsOf} from './portions.ts';
import {startStateSync} from './state-sync.ts';
import {sweepLab, sweepRemains} from './sweep.ts';
import {Switching} from './switching.ts';

export type NetworkOptions = {
	/** Default: the blueprint's name. */
	readonly name?: string | undefined;
	/** Permanent neighbour entries everywhere, so that nobody has to ask. */
	readonly arp?: boolean | undefined;
	readonly progress?: ((progress: Progress) => void) | undefined;
	/** Called when the switches exist and before any has a port: what it installs is in force before the first packet. */
	readonly prepareSwitches?: ((network: Network) => Promise<void>) | undefined;
	/** Interrupts `up`, which then takes back what it made. */
	readonly signal?: AbortSignal | undefined;
};

/** How far `up` is: objects made, of all there will be. */
export type Progress = {readonly what: string; readonly done: number; readonly total: number};

export type LinkChange = {
	readonly node: string;
	readonly interface: string;
	/** Whether the interface is up and has a carrier. */
	readonly up: boolean;
};

export type NetworkEvents = {
	/** An interface of a switch or bridge gained or lost its carrier, whoever did it. */
	link: [LinkChange];
	/** A daemon of the lab ended by itself. */
	failure: [SecureNetError];
};

export class Network extends EventEmitter<NetworkEvents> {
	readonly name: string;
	readonly blueprint: Blueprint;
	/** Run directory. */
	readonly directory: string;
	readonly #options: NetworkOptions;
	readonly #nodes = new Map<string, Node>();
	readonly #links: Link[] = [];
	/** By node name; the fabric's is `-fabric`. */
	readonly #namespaces = new Map<string, Namespace>();
	#switching: Switching | undefined;
	#watch: LinkWatch | undefined;
	#journal: Journal | undefined;
	#leaving = false;

	private constructor(blueprint: Blueprint, options: NetworkOptions) {
		super();
		this.blueprint = blueprint;
		this.name = options.name ?? blueprint.name;
		this.directory = labDirectory(this.name);
		this.#options = options;
	}

	/**
	Makes a blueprint real. When a step fails, everything made so far is taken away again.

	@throws InputError `lab-exists`, `lab-name`; MachineError when this machine cannot; SecureNetError `up` naming the object that failed and why
	*/
	static async up(blueprint: Blueprint, options: NetworkOptions = {}): Promise<Network> {
		const network = new Network(blueprint, options);
		checkLabName(network.name);
		requireCapabilities(neededCapabilities(blueprint));
		await requireShapedLinks(blueprint);
		await sweepRemains(network.name);
		network.#journal = Journal.open(network.name, blueprint.name);
		try {
			await network.#build(network.#journal);
		} catch (error) {
			await network.down();
			throw error instanceof SecureNetError ? error : new SecureNetError('up', `The lab could not be started: ${messageOf(error)}`, {}, {cause: error});
		}

		return network;
	}

	get nodes(): ReadonlyMap<string, Node> {
		return this.#nodes;
	}

	get links(): readonly Link[] {
		return this.#links;
	}

	/** @throws InputError `unknown-node` */
	node(name: string): Node {
		const node = this.#nodes.get(name);
		if (!node) {
			throw unknownName('node', name, this.#nodes.keys());
		}

		return node;
	}

	/** @throws InputError `no-link` naming what `a` is linked to */
	linksBetween(a: string, b: string): readonly Link[] {
		const [from, to] = [this.node(a).name, this.node(b).name];
		const between = this.#links.filter(({ends}) => ends.some(({node}) => node === from) && ends.some(({node}) => node === to));
		if (between.length === 0) {
			const neighbors = this.#links.flatMap(({ends: [x, y]}) => x.node === from ? [y.node] : y.node === from ? [x.node] : []);
			throw new InputError('no-link', `No link between ${from} and ${to}. ${from} is linked to ${neighbors.join(', ') || 'nothing'}.`, {expected: neighbors});
		}

		return between;
	}

	/** What lets `ovs-vsctl` and `ovs-ofctl` find this lab's Open vSwitch. */
	environment(): Record<string, string> {
		return ovsEnvironment(this.name);
	}

	/** Ends what runs in the lab and deletes what it made. Twice is fine. */
	async down(): Promise<void> {
		if (!this.#journal) {
			return;
		}

		this.#leaving = true;
		this.#watch?.close();
		await this.#switching?.close();
		for (const namespace of this.#namespaces.values()) {
			closeNamespace(namespace);
		}

		this.#namespaces.clear();
		await sweepLab(this.name, readRecord(this.name));
		this.#journal = undefined;
	}

	async #build(journal: Journal): Promise<void> {
		const names = namespaceNames(this.name, this.blueprint);
		const options = this.#buildOptions(Object.keys(names).length);
		refuseTaken(Object.values(names));
		journal.willMakeNamespaces(names);
		if (!this.#options.arp) {
			makeRoomForNeighbors(this.name, this.blueprint);
		}

		const {fabric, inherited} = createFabric(this.name);
		this.#namespaces.set(fabricKey, fabric);
		this.#startSwitching(fabric, journal);
		const interfaces = layOutPorts(this.blueprint, fabric);
		createBridges(this.blueprint, fabric, interfaces);
		for (const {switches, stations, links} of portionsOf(this.blueprint)) {
			await createNodeNamespaces(stations, inherited, this.#namespaces, options);
			layOutStations(stations, this.#namespaces, interfaces);
			await createLinks(links, fabric, interfaces, options);
			this.#switching?.addPorts(switches.filter(({kind}) => kind === 'switch'));
		}

		this.#makeNodes(fabric, interfaces);
		await configureNodes(this.#stations(), await this.#configuration(), options);
		this.#makeLinks(interfaces);
		await this.#switching?.ready();
		await shapeInterfaces(interfaces.values(), options);
		await startStateSync({...this.#daemonEvents(journal), blueprint: this.blueprint, node: name => this.node(name), directory: syncDirectory(this.name)});
		this.#watchLinks(fabric);
	}

	/** Each namespace is made and later gets its addresses. */
	#buildOptions(namespaces: number): BuildOptions {
		const total = (2 * (namespaces - 1)) + this.blueprint.links.length;
		let done = 0;
		return {
			lab: this.name,
			signal: this.#options.signal,
			made: (what, count) => {
				done += count;
				this.#options.progress?.({what, done, total});
			},
		};
	}

	#startSwitching(fabric: Namespace, journal: Journal): void {
		const switches = [...this.blueprint.nodes.values()].filter(({kind}) => kind === 'switch');
		if (switches.length > 0) {
			this.#switching = new Switching({
				fabric,
				directory: ovsDirectory(this.name),
				switches,
				prepare: async () => this.#options.prepareSwitches?.(this),
				...this.#daemonEvents(journal),
			});
		}
	}

	#daemonEvents(journal: Journal): {started: (daemon: ProcessRecord) => void; died: (error: SecureNetError) => void} {
		return {
			started(daemon) {
				journal.started(daemon);
			},
			died: error => {
				if (!this.#leaving) {
					this.emit('failure', error);
				}
			},
		};
	}

	#makeNodes(fabric: Namespace, interfaces: ReadonlyMap<InterfacePlan, Interface>): void {
		for (const plan of this.blueprint.nodes.values()) {
			this.#nodes.set(plan.name, new Node({
				plan,
				namespace: this.#namespaces.get(plan.name) ?? fabric,
				interfaces: plan.interfaces.map(each => interfaceOf(interfaces, each)),
				environment: isSwitching(plan) ? this.environment() : {},
			}));
		}
	}

	async #configuration(): Promise<(node: Node) => ConfigureOptions> {
		const neighbors = this.#options.arp ? permanentNeighbors(this.blueprint) : undefined;
		const facing = await this.#switching?.needsChecksums() ? facingSwitches(this.blueprint) : new Set<InterfacePlan>();
		return node => ({
			withoutTxChecksum: node.plan.interfaces.filter(each => facing.has(each)).map(({name}) => name),
			...(neighbors?.has(node.name) ? {neighbors: neighbors.get(node.name) ?? new Map()} : {}),
		});
	}

	#makeLinks(interfaces: ReadonlyMap<InterfacePlan, Interface>): void {
		for (const {ends: [a, b]} of this.blueprint.links) {
			this.#links.push(new Link([interfaceOf(interfaces, a), interfaceOf(interfaces, b)], [this.node(a.node), this.node(b.node)]));
		}
	}

	#watchLinks(fabric: Namespace): void {
		const ports = new Map([...this.#nodes.values()].filter(isSwitching).flatMap(node => node.interfaces.map(each => [each.index, each])));
		this.#watch = watchLinks(fabric, ({index, up, running}) => {
			const port = ports.get(index);
			if (port && !this.#leaving) {
				this.emit('link', {node: port.node, interface: port.name, up: up && running});
			}
		});
	}

	#stations(): Node[] {
		return [...this.#nodes.values()].filter(node => !isSwitching(node));
	}
}
