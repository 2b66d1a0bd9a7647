/** A blueprint made real: namespaces, links and switches that exist from `up` to `down`, and leave no trace after it. */
import {EventEmitter} from 'node:events';
import {requireCapabilities} from '../kernel/capabilities.ts';
import type {LinkWatch} from '../kernel/monitor.ts';
import {type Namespace, closeNamespace} from '../kernel/namespace.ts';
import type {Link} from '../link/link.ts';
import type {TunnelState} from '../link/ssh-tunnel.ts';
import type {Tunnel} from '../link/tunnel.ts';
import type {Node} from '../node/node.ts';
import type {Blueprint, LinkPlan, NodePlan, TunnelPlan} from '../topology/blueprint.ts';
import {type Addition, grown} from '../topology/grow.ts';
import {type RoutingPlan, routingPlan} from '../topology/routing-plan.ts';
import {shrunk} from '../topology/shrink.ts';
import {InputError, SecureNetError, messageOf} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import {wiresBetween} from './between.ts';
import type {NetworkEvents} from './events.ts';
import {watchCarriers} from './carriers.ts';
import {Journal, type ProcessRecord} from './journal.ts';
import {type Added, type LiveOptions, addLive} from './live-add.ts';
import {refuseComing, refuseLeaving} from './live-limits.ts';
import {livePlan} from './live-plan.ts';
import {removeLive} from './live-remove.ts';
import type {Made} from './made.ts';
import {makeRoomForNeighbors, neededCapabilities, requireShapedLinks, requireTunnels} from './needs.ts';
import {checkLabName, labDirectory, ovsEnvironment} from './paths.ts';
import {type Progress, rise} from './rise.ts';
import {diskError} from './state-files.ts';
import {sweepLab, sweepRemains} from './sweep.ts';
import type {Switching} from './switching.ts';
import type {Tunnels} from './tunnels.ts';

export type NetworkOptions = {
	/** Default: the blueprint's name. */
	readonly name?: string | undefined;
	/** Permanent neighbour entries everywhere, so that nobody has to ask. */
	readonly arp?: boolean | undefined;
	readonly progress?: ((progress: Progress) => void) | undefined;
	/** Called when the switches exist and before any has a port: what it installs is in force before the first packet. */
	readonly prepareSwitches?: ((network: Network) => Promise<void>) | undefined;
	/**
	Called with what the network is about to be when it changes while it runs: before anything of what comes can carry a packet, and after what goes can carry none.
	What it throws takes the change back.
	*/
	readonly secure?: ((next: Blueprint) => Promise<void>) | undefined;
	/** Interrupts `up`, which then takes back what it made. */
	readonly signal?: AbortSignal | undefined;
};

export type {Addition} from '../topology/grow.ts';
export type {LinkChange, NetworkEvents, NodeChange, TunnelChange} from './events.ts';
export type {Added} from './live-add.ts';
export type {Progress} from './rise.ts';

/** What goes: nodes, with their links, and links. */
export type Removal = {
	/** Names. */
	readonly nodes?: readonly string[];
	readonly links?: readonly Link[];
	readonly tunnels?: readonly Tunnel[];
};

export class Network extends EventEmitter<NetworkEvents> {
	readonly name: string;
	/** Run directory. */
	readonly directory: string;
	readonly #options: NetworkOptions;
	/** What it is made by; what it is now is in `#made`. */
	readonly #first: Blueprint;
	/** By node name; the fabric's is `-fabric`. */
	readonly #namespaces = new Map<string, Namespace>();
	#made: Made | undefined;
	#switching: Switching | undefined;
	#tunnels: Tunnels | undefined;
	#watch: LinkWatch | undefined;
	#journal: Journal | undefined;
	#leaving = false;
	/** Live changes wait for each other. */
	#last: Promise<unknown> = Promise.resolve();

	private constructor(blueprint: Blueprint, options: NetworkOptions) {
		super();
		this.#first = blueprint;
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
		await requireTunnels(blueprint);
		await sweepRemains(network.name);
		network.#journal = Journal.open(network.name, blueprint.name);
		try {
			await network.#build(network.#journal);
		} catch (error) {
			const told = diskError(error, network.directory) ?? error;
			await network.down();
			throw told instanceof SecureNetError ? told : new SecureNetError('up', `The lab could not be started: ${messageOf(error)}`, {}, {cause: error});
		}

		return network;
	}

	/** What it is now: another object after each change. */
	get blueprint(): Blueprint {
		return this.#made?.blueprint ?? this.#first;
	}

	get nodes(): ReadonlyMap<string, Node> {
		return this.#made?.nodes ?? new Map<string, Node>();
	}

	get links(): readonly Link[] {
		return [...this.#made?.links.values() ?? []];
	}

	get tunnels(): readonly Tunnel[] {
		return [...this.#made?.tunnels.values() ?? []];
	}

	/** Of an SSH tunnel; undefined for one that needs no connection. */
	connectionOf(tunnel: Tunnel): TunnelState | undefined {
		return this.#tunnels?.stateOf(tunnel.plan);
	}

	/** @throws InputError `unknown-node` */
	node(name: string): Node {
		const node = this.nodes.get(name);
		if (!node) {
			throw unknownName('node', name, this.nodes.keys());
		}

		return node;
	}

	/** @throws InputError `unknown-node`, `no-link` naming what `a` is linked to */
	linksBetween(a: string, b: string): readonly Link[] {
		return wiresBetween(this.links, this.node(a).name, this.node(b).name);
	}

	/** Links and tunnels. @throws as linksBetween */
	wiresBetween(a: string, b: string): ReadonlyArray<Link | Tunnel> {
		return wiresBetween<Link | Tunnel>([...this.links, ...this.tunnels], this.node(a).name, this.node(b).name);
	}

	/**
	Adds hosts, routers, links and tunnels while the network runs. What is there stays as it is; what is new is assigned and checked as if it stood at the end of the topology file.

	@param signal ends the wait for tunnels that connect, and takes all back
	@returns the new nodes, links and tunnels, in the order given
	@throws InputError `unknown-node`, `not-live`; ProblemsError with every problem; KernelError, SecureNetError naming the object that failed. Everything then is as before
	*/
	async add(addition: Addition, {signal}: {readonly signal?: AbortSignal | undefined} = {}): Promise<Added> {
		return this.#turn(async made => {
			refuseComing(addition);
			const next = grown(made.blueprint, addition, plan => routingOf(made, plan));
			made.ground.neighborRoom = makeRoomForNeighbors(this.name, next, made.ground.neighborRoom);
			const added = await addLive(made, next, {...this.#liveOptions, signal});
			this.#tell(added, 'added');
			return added;
		});
	}

	/**
	Removes hosts, routers, links and tunnels while the network runs: what runs in a node that goes is ended. A host without a link keeps its addresses for the next one.

	@throws InputError `unknown-node`, `no-link`, `not-live`; what the firewalls throw, everything then is as before; SecureNetError `remove` for what is left and goes with the lab
	*/
	async remove({nodes = [], links = [], tunnels = []}: Removal): Promise<void> {
		return this.#turn(async made => {
			const names = new Set(nodes.map(name => this.node(name).name));
			const plans = new Set(links.map(link => planOf(made, link)));
			const next = shrunk(made.blueprint, {nodes: names, links: plans, tunnels: new Set(tunnels.map(({plan}) => plan))});
			const staying = new Set(next.links);
			refuseLeaving(made.blueprint, names, made.blueprint.links.filter(link => !staying.has(link)));
			this.#tell(await removeLive(made, next, this.#liveOptions), 'removed');
		});
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
		await this.#last;
		this.#watch?.close();
		await this.#switching?.close();
		await this.#tunnels?.close();
		for (const namespace of this.#namespaces.values()) {
			closeNamespace(namespace);
		}

		this.#namespaces.clear();
		await this.#tunnels?.end();
		await sweepLab(this.name, this.#journal.record);
		this.#journal = undefined;
	}

	async #build(journal: Journal): Promise<void> {
		const {arp = false, signal, progress, prepareSwitches} = this.#options;
		const made = await rise(this.#first, {
			...this.#daemonEvents(journal),
			lab: this.name, journal, namespaces: this.#namespaces, arp, signal, progress,
			prepare: async () => prepareSwitches?.(this),
			switching: switching => {
				this.#switching = switching;
			},
			tunnels: tunnels => {
				this.#tunnels = tunnels;
			},
			changed: (plan, state) => {
				this.#tellTunnel(plan, state);
			},
		});
		this.#made = made;
		this.#watch = watchCarriers(made.ground.fabric, () => made.ports, ({node, name}, up) => {
			this.emit('link', {node, interface: name, up});
		});
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

	get #liveOptions(): LiveOptions {
		return {arp: this.#options.arp === true, secure: async next => this.#options.secure?.(next)};
	}

	#tellTunnel({ends}: TunnelPlan, {status, reason}: TunnelState): void {
		if (!this.#leaving) {
			this.emit('tunnel', {ends: ends.map(end => end.interface.node), status, ...reason === undefined ? {} : {reason}});
		}
	}

	/** Does work when all that was begun before is done. */
	async #turn<Result>(work: (made: Made) => Promise<Result>): Promise<Result> {
		const turn = this.#last.then(async () => {
			if (!this.#made || this.#leaving) {
				throw new SecureNetError('namespace-gone', `Lab ${this.name} has been taken down.`);
			}

			return work(this.#made);
		});
		this.#last = turn.catch(() => undefined);
		return turn;
	}

	#tell({nodes, links, tunnels}: Added, change: 'added' | 'removed'): void {
		for (const {name} of nodes) {
			this.emit('node', {node: name, change});
		}

		for (const end of [...links, ...tunnels].flatMap(({ends}) => ends)) {
			this.emit('link', {node: end.node, interface: end.name, up: change === 'added', change});
		}
	}
}

/** As the kernel has it; one that comes has only its plan. */
function routingOf({nodes}: Made, plan: NodePlan): RoutingPlan {
	const node = nodes.get(plan.name);
	return node ? livePlan(node) : routingPlan(plan);
}

/** @throws InputError `no-link` */
function planOf({links}: Made, link: Link): LinkPlan {
	const found = [...links].find(([, each]) => each === link);
	if (!found) {
		throw new InputError('no-link', `The link ${link.ends.map(({node}) => node).join(' - ')} is not in this network, or no longer.`);
	}

	return found[0];
}
