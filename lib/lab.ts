/** A lab: a network, a policy, and the firewalls that make the first obey the second. The prompt, scripts and tests only translate to this. */
import {EventEmitter} from 'node:events';
import {firstPolicy} from './commands/first-policy.ts';
import {type LineResult, runScript} from './commands/run-line.ts';
import {Control, type Spread, requireControl} from './control/control.ts';
import type {EdgeEvents, Join, Joining, Place} from './control/control-plane.ts';
import {grow} from './control/growth.ts';
import type {InstalledLine} from './drivers/driver.ts';
import type {Chosen} from './drivers/choice.ts';
import {type Change, Enforcement, type Plan} from './drivers/enforcement.ts';
import type {DriverChoice} from './drivers/factory.ts';
import type {LogEntry} from './drivers/log.ts';
import {datapath} from './kernel/capabilities.ts';
import type {Link} from './link/link.ts';
import type {Tunnel} from './link/tunnel.ts';
import {type Added, type Addition, type LinkChange, Network, type NetworkOptions, type TunnelChange, type NodeChange, type Removal} from './network/network.ts';
import {ovsDirectory} from './network/paths.ts';
import {diskError} from './network/state-files.ts';
import type {Node} from './node/node.ts';
import {type Inventory, inventoryOf} from './policy/inventory.ts';
import {type Policy, emptyPolicy} from './policy/model.ts';
import {check} from './topology/check.ts';
import {type FirewallName, withFirewalls} from './topology/firewalls.ts';
import {endSpec, linkSpec} from './topology/grow.ts';
import type {EndSpec, HostOptions, LinkOptions, TunnelOptions} from './topology/specs.ts';
import type {Topology} from './topology/topology.ts';
import type {SecureNetError} from './util/errors.ts';
import {type Tell, teller} from './util/teller.ts';

export type {Change, Plan} from './drivers/enforcement.ts';

export type LabOptions = Omit<NetworkOptions, 'prepareSwitches' | 'secure'> & {
	/** Firewalls for all nodes that they fit, whatever the topology says. */
	readonly firewalls?: readonly FirewallName[] | undefined;
	/** Drivers of one's own, by kind of enforcement point; they take the place of all named ones, until `setFirewall` chooses another. */
	readonly drivers?: Partial<DriverChoice> | undefined;
};

export type LabEvents = EdgeEvents & {
	/** Groups or their members changed. */
	group: [Policy];
	/** Address sets changed. */
	ipg: [Policy];
	/** Rules changed. */
	rule: [Policy];
	/** Services changed. */
	service: [Policy];
	/** A packet that a rule with `log` decided, on one device. */
	log: [LogEntry];
	/** A node came or went. */
	node: [NodeChange];
	/** A switch port gained or lost its carrier; or a link or tunnel came or went, told for each of its ends. */
	link: [LinkChange];
	/** An SSH tunnel gained or lost its connection. */
	tunnel: [TunnelChange];
	/** A daemon of the lab ended by itself: the lab no longer does what it says. Those that nobody has heard, as while the lab came up, are told to the first who listens. */
	failure: [SecureNetError];
};

export class Lab extends EventEmitter<LabEvents> {
	readonly network: Network;
	readonly #enforcement: Enforcement;
	readonly #tell: Tell = teller(this, 'failure');
	#control: Control | undefined;

	private constructor(network: Network, drivers: LabOptions['drivers']) {
		super();
		this.network = network;
		this.#enforcement = new Enforcement(emptyPolicy(network.blueprint.isolation), {
			inventory: inventoryOf(network.blueprint),
			context: {runDirectory: ovsDirectory(network.name), datapath, namespaceOf: device => network.node(device).namespace},
			drivers,
			changed: this.#announce.bind(this),
			logged: entry => {
				this.#tell('log', entry);
			},
			failed: error => {
				this.#tell('failure', error);
			},
		});
		for (const event of ['node', 'link', 'tunnel', 'failure'] as const) {
			network.on(event, (...details: LabEvents[typeof event]) => {
				this.#tell(event, ...details);
			});
		}
	}

	/**
	Builds the network of a topology and secures it with its policy, which mostly is an empty one: from then on its defaults hold.

	@throws ProblemsError with every problem of the topology; InputError `policy` with every mistake in its policy; as Network.up
	*/
	static async up(topology: Topology, options: LabOptions = {}): Promise<Lab> {
		const blueprint = withFirewalls(check(topology), options.firewalls ?? []);
		const policy = firstPolicy(topology, blueprint);
		let lab: Lab | undefined;
		const network = await Network.up(blueprint, {
			...options,
			async prepareSwitches(made) {
				lab = new Lab(made, options.drivers);
				// The defaults hold on every switch before it has a port.
				await lab.#enforcement.install();
			},
			secure: async next => lab ? lab.#enforcement.follow(next) : undefined,
		});
		try {
			lab ??= new Lab(network, options.drivers);
			await lab.change(() => policy);
			lab.#control = await Control.start(network, lab.#tell, options.signal);
			return lab;
		} catch (error) {
			const told = diskError(error, network.directory) ?? error;
			await (lab ?? network).down();
			throw told;
		}
	}

	get name(): string {
		return this.network.name;
	}

	get policy(): Policy {
		return this.#enforcement.policy;
	}

	/** What the policy knows of the network, as it is now. */
	get inventory(): Inventory {
		return this.#enforcement.inventory;
	}

	/** @throws InputError `unknown-node` */
	node(name: string): Node {
		return this.network.node(name);
	}

	/**
	Changes the policy: all enforcement points take the new one over, or all keep the old one.

	@param edit from policy/repository.ts; a mistake it throws changes nothing
	@throws SecureNetError naming the device, the rule and the device's own words; `revoke` when the policy is in force but connections could not be judged by it
	*/
	async change(edit: (policy: Policy) => Policy): Promise<Change> {
		return this.#enforcement.change(edit);
	}

	/**
	Adds nodes and links while the lab runs. The policy holds for them before they carry their first packet.

	@param signal ends the wait for tunnels that connect and for routers that tell the others what they know, and takes all back
	@throws as Network.add, Control.addRouters; InputError `name-taken`, `not-live`
	*/
	async add(addition: Addition, {signal}: {readonly signal?: AbortSignal | undefined} = {}): Promise<Added> {
		return grow(this.network, this.#control, addition, signal);
	}

	/** Adds a host. @param to where it is linked: names of nodes, or ends that say more, such as `{node: 's1', options: {port: 9}}` @throws as `add` */
	async addHost(name: string, options: HostOptions = {}, ...to: ReadonlyArray<string | EndSpec>): Promise<Node> {
		const {nodes: [host]} = await this.add({nodes: [{kind: 'host', name, options}], links: to.map(end => linkSpec(name, end))});
		return host as Node;
	}

	/** Links two nodes. @throws as `add` */
	async addLink(a: string | EndSpec, b: string | EndSpec, options: LinkOptions = {}): Promise<Link> {
		const {links: [link]} = await this.add({links: [linkSpec(a, b, options)]});
		return link as Link;
	}

	/** Adds a tunnel between two hosts or routers. @param until its signal ends the wait for a connection, and takes all back @throws as `add` */
	async addTunnel(a: string | EndSpec, b: string | EndSpec, options: TunnelOptions, until: {readonly signal?: AbortSignal | undefined} = {}): Promise<Tunnel> {
		const {tunnels: [tunnel]} = await this.add({tunnels: [{ends: [endSpec(a), endSpec(b)], options}]}, until);
		return tunnel as Tunnel;
	}

	/**
	Removes nodes, links and tunnels while the lab runs. Hosts leave their groups; what runs in a node that goes is ended. A host without a link keeps its addresses for the next one.

	@param force hosts at an edge router that goes leave it
	@throws as Network.remove; InputError `in-use` when a rule names a node, `router-in-use` naming hosts that are there
	*/
	async remove(removal: Removal, {force = false}: {readonly force?: boolean} = {}): Promise<void> {
		const left = await this.#control?.removeRouters(removal.nodes ?? [], {force}) ?? [];
		try {
			await this.network.remove(removal);
		} catch (error) {
			await this.#control?.takeBack(removal.nodes ?? [], left);
			throw error;
		}
	}

	/** What tells the edge routers where hosts are. @throws InputError `no-edges` when there are none */
	get control(): Control {
		return requireControl(this.#control);
	}

	/**
	Hosts come to edge routers, or move there from where they are; several at once are one change.

	@returns where they are, and which routers had not heard of it in time
	@throws as Control.join
	*/
	async join(...joinings: readonly Joining[]): Promise<Spread & {readonly joins: readonly Join[]}> {
		return this.control.join(joinings);
	}

	/** Hosts leave the edge routers that they are at. @throws as Control.leave */
	async leave(...hosts: readonly string[]): Promise<Spread & {readonly left: readonly Place[]}> {
		return this.control.leave(hosts);
	}

	/** The name of each device's firewall driver. */
	get firewalls(): ReadonlyMap<string, FirewallName> {
		return this.#enforcement.names;
	}

	/**
	Gives devices another firewall driver: no packet of an allowed connection is lost, and nothing of the old one stays.

	@param firewall its name, or what makes a driver of one's own @param devices default: all that the named one is for
	@throws InputError `unknown-device`, `wrong-kind`; as `change`, every device then has the driver it had
	*/
	async setFirewall(firewall: Chosen, devices?: readonly string[]): Promise<Change> {
		return this.#enforcement.exchange(firewall, devices);
	}

	/**
	What `change` would do, without doing it.

	@param edit from policy/repository.ts
	@throws what the edit throws; InputError `unsupported` when a device cannot enforce the result
	*/
	async plan(edit: (policy: Policy) => Policy): Promise<Plan> {
		return this.#enforcement.plan(edit);
	}

	/** Rule id to the number of first packets it decided, summed over devices, since the hits were last reset. */
	async hits(): Promise<ReadonlyMap<number, number>> {
		return this.#enforcement.hits();
	}

	/** From now on hits count from zero. The devices' own counters go on. */
	async resetHits(): Promise<void> {
		return this.#enforcement.resetHits();
	}

	/**
	What is installed on switches and perimeter routers, by device, each line with the sentence behind it.

	@param devices default: all
	@throws InputError `unknown-device`
	*/
	async installed(devices: readonly string[] = [...this.inventory.devices.keys()]): Promise<ReadonlyMap<string, readonly InstalledLine[]>> {
		return this.#enforcement.list(devices);
	}

	/** Where a rule is installed. */
	async installedOn(rule: number): Promise<Array<{device: string; lines: InstalledLine[]}>> {
		return [...await this.installed()].map(([device, lines]) => ({device, lines: lines.filter(line => line.rule === rule)})).filter(({lines}) => lines.length > 0);
	}

	/**
	Runs lines as the prompt would, one after the other.

	@throws the error of the first line that fails, unless that begins with `-`; SecureNetError when a command in it fails
	*/
	async run(...lines: readonly string[]): Promise<LineResult[]> {
		return runScript(this, lines);
	}

	/** Takes the lab down. Twice is fine. */
	async down(): Promise<void> {
		try {
			try {
				await this.#control?.down();
			} finally {
				await this.#enforcement.close();
			}
		} finally {
			await this.network.down();
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.down();
	}

	#announce(before: Policy, after: Policy): void {
		for (const [event, part] of [['group', 'groups'], ['ipg', 'ipgs'], ['rule', 'rules'], ['service', 'services']] as const) {
			if (before[part] !== after[part]) {
				this.#tell(event, after);
			}
		}
	}
}
