/** A lab: a network, a policy, and the firewalls that make the first obey the second. The prompt, scripts and tests only translate to this. */
import {EventEmitter} from 'node:events';
import {firstPolicy} from './commands/first-policy.ts';
import {type LineResult, runLine} from './commands/run-line.ts';
import type {InstalledLine} from './drivers/driver.ts';
import type {Chosen} from './drivers/choice.ts';
import {type Change, Enforcement, type Plan} from './drivers/enforcement.ts';
import type {DriverChoice} from './drivers/factory.ts';
import type {LogEntry} from './drivers/log.ts';
import {datapath} from './kernel/capabilities.ts';
import {type LinkChange, Network, type NetworkOptions} from './network/network.ts';
import {ovsDirectory} from './network/paths.ts';
import type {Node} from './node/node.ts';
import {type Inventory, inventoryOf} from './policy/inventory.ts';
import {type Policy, emptyPolicy} from './policy/model.ts';
import {check} from './topology/check.ts';
import {type FirewallName, withFirewalls} from './topology/firewalls.ts';
import type {Topology} from './topology/topology.ts';
import {type SecureNetError, messageOf} from './util/errors.ts';

export type {Change, Plan} from './drivers/enforcement.ts';

export type LabOptions = Omit<NetworkOptions, 'prepareSwitches'> & {
	/** Firewalls for all nodes that they fit, whatever the topology says. */
	readonly firewalls?: readonly FirewallName[] | undefined;
	/** Drivers of one's own, by kind of enforcement point; they take the place of all named ones, until `setFirewall` chooses another. */
	readonly drivers?: Partial<DriverChoice> | undefined;
};

export type LabEvents = {
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
	/** A switch port gained or lost its carrier. */
	link: [LinkChange];
	/** A daemon of the lab ended by itself: the lab no longer does what it says. */
	failure: [SecureNetError];
};

export class Lab extends EventEmitter<LabEvents> {
	readonly network: Network;
	readonly inventory: Inventory;
	readonly #enforcement: Enforcement;

	private constructor(network: Network, drivers: LabOptions['drivers']) {
		super();
		this.network = network;
		this.inventory = inventoryOf(network.blueprint);
		this.#enforcement = new Enforcement(emptyPolicy(network.blueprint.isolation), {
			inventory: this.inventory,
			context: {runDirectory: ovsDirectory(network.name), datapath, namespaceOf: device => network.node(device).namespace},
			drivers,
			changed: (before, after) => {
				this.#announce(before, after);
			},
			logged: entry => {
				this.#tell('log', entry);
			},
		});
		network.on('link', change => this.emit('link', change));
		network.on('failure', error => this.emit('failure', error));
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
		});
		try {
			lab ??= new Lab(network, options.drivers);
			await lab.change(() => policy);
			return lab;
		} catch (error) {
			await (lab ?? network).down();
			throw error;
		}
	}

	get name(): string {
		return this.network.name;
	}

	get policy(): Policy {
		return this.#enforcement.policy;
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
		return [...await this.installed()]
			.map(([device, lines]) => ({device, lines: lines.filter(line => line.rule === rule)}))
			.filter(({lines}) => lines.length > 0);
	}

	/**
	Runs lines as the prompt would, one after the other.

	@throws the error of the first line that fails, unless that begins with `-`; SecureNetError when a command in it fails
	*/
	async run(...lines: readonly string[]): Promise<LineResult[]> {
		const results: LineResult[] = [];
		for (const line of lines) {
			const result = await runLine(this, line);
			if (result) {
				results.push(result);
				if (result.failure && !result.mayFail) {
					throw result.failure;
				}
			}
		}

		return results;
	}

	/** Takes the lab down. Twice is fine. */
	async down(): Promise<void> {
		try {
			await this.#enforcement.close();
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

	/** What is told has happened: a listener that throws cannot undo it, so it is only told of. */
	#tell<Event extends keyof LabEvents>(event: Event, ...details: LabEvents[Event]): void {
		try {
			(this.emit as (event: string, ...details: readonly unknown[]) => boolean).call(this, event, ...details);
		} catch (error) {
			process.emitWarning(error instanceof Error ? error : messageOf(error));
		}
	}
}
