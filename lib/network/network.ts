/** A blueprint made real: namespaces, links and switches that exist from `up` to `down`, and leave no trace after it. */
import {EventEmitter} from 'node:events';
import {existsSync, mkdirSync} from 'node:fs';
import {requireCapabilities} from '../kernel/capabilities.ts';
import {type LinkWatch, watchLinks} from '../kernel/monitor.ts';
import {type Namespace, closeNamespace, namespaceDirectory, namespacePath} from '../kernel/namespace.ts';
import {Ovsdb} from '../kernel/ovsdb.ts';
import type {Interface} from '../link/interface.ts';
import {Link} from '../link/link.ts';
import type {ConfigureOptions} from '../node/configure.ts';
import {Node} from '../node/node.ts';
import type {Blueprint, InterfacePlan} from '../topology/blueprint.ts';
import {InputError, KernelError, SecureNetError, messageOf} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import {type Progress, configureNodes, createBridges, createFabric, createLinks, createNodeNamespaces, interfaceOf, isSwitching, layOutInterfaces} from './build.ts';
import {neighborLimits, neighborLimits6, raiseSettings} from './host-settings.ts';
import {Journal, readRecord} from './journal.ts';
import {neighborCount, permanentNeighbors} from './neighbors.ts';
import {type OpenVswitch, startOpenVswitch} from './open-vswitch.ts';
import {checkLabName, fabricNamespace, labDirectory, nodeNamespace, ovsDirectory, ovsEnvironment} from './paths.ts';
import {sweepLab} from './sweep.ts';

export type NetworkOptions = {
	/** Default: the blueprint's name. */
	readonly name?: string | undefined;
	/** Permanent neighbour entries everywhere, so that nobody has to ask. */
	readonly arp?: boolean | undefined;
	readonly progress?: ((progress: Progress) => void) | undefined;
	/** Interrupts `up`, which then takes back what it made. */
	readonly signal?: AbortSignal | undefined;
};

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

const fabricKey = '-fabric';
/** Half of what the kernel allows by default (gc_thresh3, 1024): the other half is for the host and for other labs. */
const spareNeighbors = 512;
const neighborReserve = 4096;

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
	#database: Ovsdb | undefined;
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
		await network.#sweepRemains();
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
		this.#database?.close();
		for (const namespace of this.#namespaces.values()) {
			closeNamespace(namespace);
		}

		this.#namespaces.clear();
		await sweepLab(this.name, readRecord(this.name));
		this.#journal = undefined;
	}

	async #sweepRemains(): Promise<void> {
		const record = readRecord(this.name);
		if (record && !record.alive) {
			this.#options.progress?.({what: `remains of the killed lab ${this.name}`, done: 0, total: 1});
			await sweepLab(this.name, record);
		}
	}

	async #build(journal: Journal): Promise<void> {
		const plans = [...this.blueprint.nodes.values()];
		const stations = plans.filter(plan => !isSwitching(plan));
		const options = {...this.#options, lab: this.name};
		const names = {[fabricKey]: fabricNamespace(this.name), ...Object.fromEntries(stations.map(({name}) => [name, nodeNamespace(this.name, name)]))};
		refuseTaken(Object.values(names));
		journal.willMakeNamespaces(names);
		this.#prepareNeighborTable();
		const fabric = createFabric(this.name);
		this.#namespaces.set(fabricKey, fabric);
		const starting = this.#startOpenVswitch(fabric, journal);
		// It is awaited further down; until then a failure must not count as nobody's.
		starting.catch(() => undefined);
		await createNodeNamespaces(stations, this.#namespaces, options);
		const interfaces = layOutInterfaces(this.blueprint, fabric, this.#namespaces);
		this.#makeNodes(fabric, interfaces);
		createBridges(this.blueprint, fabric, interfaces);
		await createLinks(this.blueprint, fabric, interfaces, options);
		const openVswitch = await starting;
		await Promise.all([this.#addSwitches(openVswitch), configureNodes(this.#stations(), this.#configuration(openVswitch), options)]);
		this.#makeLinks(interfaces);
		this.#watchLinks(fabric);
	}

	/** Without permanent entries everyone may ask for everyone in the segment, in a table that all namespaces share. */
	#prepareNeighborTable(): void {
		const needed = this.#options.arp ? 0 : neighborCount(this.blueprint);
		if (needed > spareNeighbors) {
			raiseSettings(this.name, [...neighborLimits, ...neighborLimits6], needed + neighborReserve);
		}
	}

	async #startOpenVswitch(fabric: Namespace, journal: Journal): Promise<OpenVswitch | undefined> {
		if (![...this.blueprint.nodes.values()].some(({kind}) => kind === 'switch')) {
			return undefined;
		}

		const directory = ovsDirectory(this.name);
		mkdirSync(directory, {recursive: true, mode: 0o700});
		const openVswitch = await startOpenVswitch({
			namespace: fabric,
			directory,
			onStart({pid, startTime}) {
				journal.started({pid, startTime});
			},
		});
		this.#database = await Ovsdb.connect(openVswitch.database);
		void openVswitch.died.then(error => {
			if (!this.#leaving) {
				this.emit('failure', error);
			}
		});
		return openVswitch;
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

	async #addSwitches(openVswitch: OpenVswitch | undefined): Promise<void> {
		if (openVswitch) {
			await this.#database?.addBridges(this.#switches().map(({name, interfaces, plan}) => ({
				name,
				ports: interfaces.map(each => ({name: each.name, ofport: each.port ?? 0})),
				datapathType: openVswitch.datapathType,
				failMode: 'standalone',
				stp: plan.kind === 'switch' && plan.options.stp === true,
			})));
		}
	}

	#configuration(openVswitch: OpenVswitch | undefined): (node: Node) => ConfigureOptions {
		const neighbors = this.#options.arp ? permanentNeighbors(this.blueprint) : undefined;
		const facing = openVswitch?.datapathType === 'netdev' ? facingSwitches(this.blueprint) : new Set<InterfacePlan>();
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

	#switches(): Node[] {
		return [...this.#nodes.values()].filter(({kind}) => kind === 'switch');
	}

	#stations(): Node[] {
		return [...this.#nodes.values()].filter(node => !isSwitching(node));
	}
}

/** What the journal names is taken away later, so a namespace that somebody else made must not get into it. */
function refuseTaken(namespaces: readonly string[]): void {
	const taken = namespaces.find(name => existsSync(namespacePath(name)));
	if (taken !== undefined) {
		throw new KernelError('new namespace', 'EEXIST', taken, {reason: 'somebody else made it; choose another lab name with --name', place: namespaceDirectory});
	}
}

/** Interfaces whose other end is a port of an Open vSwitch. */
function facingSwitches({nodes, links}: Blueprint): Set<InterfacePlan> {
	return new Set(links.flatMap(({ends: [a, b]}) => [
		...(nodes.get(b.node)?.kind === 'switch' ? [a] : []),
		...(nodes.get(a.node)?.kind === 'switch' ? [b] : []),
	]));
}

function neededCapabilities({nodes}: Blueprint): string[] {
	const plans = [...nodes.values()];
	return [
		'root',
		...(plans.some(({kind}) => kind === 'switch') ? ['ovsdb-server', 'ovs-vswitchd', 'ovs-ofctl'] : []),
		...(plans.some(plan => plan.kind === 'router' && plan.options.perimeter === true) ? ['iptables-restore', 'ip6tables-restore', 'ipset', 'conntrack'] : []),
	];
}
