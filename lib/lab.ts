/** A lab: a network, a policy, and the firewalls that make the first obey the second. The prompt, scripts and tests only translate to this. */
import {EventEmitter} from 'node:events';
import {type LineResult, runLine} from './commands/run-line.ts';
import type {InstalledLine} from './drivers/driver.ts';
import {Drivers} from './drivers/choice.ts';
import type {DriverChoice} from './drivers/factory.ts';
import {Hits, hitsOf} from './drivers/hits.ts';
import {type LogEntry, LogWatch} from './drivers/log.ts';
import {type DeviceChange, Firewall} from './drivers/reconcile.ts';
import {type LinkChange, Network, type NetworkOptions} from './network/network.ts';
import {ovsDirectory} from './network/paths.ts';
import type {Node} from './node/node.ts';
import {compile} from './policy/compile.ts';
import {type Packet, type Verdict, evaluator} from './policy/evaluate.ts';
import {type Inventory, inventoryOf} from './policy/inventory.ts';
import {type Policy, emptyPolicy} from './policy/model.ts';
import {check} from './topology/check.ts';
import {type FirewallName, withFirewalls} from './topology/firewalls.ts';
import type {Topology} from './topology/topology.ts';
import {SecureNetError, messageOf} from './util/errors.ts';

export type LabOptions = Omit<NetworkOptions, 'prepareSwitches'> & {
	/** Firewalls for all nodes that they fit, whatever the topology says. */
	readonly firewalls?: readonly FirewallName[] | undefined;
	/** Drivers of one's own, by kind of enforcement point; they take the place of all named ones. */
	readonly drivers?: Partial<DriverChoice> | undefined;
};

/** What a change of the policy did. */
export type Change = {
	/** Enforcement points whose flows or rules changed, by name. */
	readonly devices: readonly string[];
	/** Connections that were open and are no longer allowed. */
	readonly cut: number;
	/** Duration in milliseconds, until it was in effect everywhere. */
	readonly ms: number;
};

/** What a change of the policy would do. */
export type Plan = {
	readonly before: Policy;
	readonly after: Policy;
	/** Enforcement points that would change, by name. */
	readonly devices: readonly DeviceChange[];
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
	readonly #drivers: Drivers;
	readonly #firewall: Firewall;
	readonly #log: LogWatch;
	readonly #hits = new Hits();
	#policy: Policy;
	/** Changes of the policy wait for each other. */
	#last: Promise<unknown> = Promise.resolve();

	private constructor(network: Network, choice: LabOptions['drivers']) {
		super();
		this.network = network;
		this.inventory = inventoryOf(network.blueprint);
		this.#policy = emptyPolicy(network.blueprint.isolation);
		const context = {runDirectory: ovsDirectory(network.name), namespaceOf: (router: string) => network.node(router).namespace};
		this.#drivers = new Drivers(context, this.inventory.devices, choice);
		this.#firewall = new Firewall(device => this.#drivers.of(device));
		this.#log = new LogWatch(device => this.#drivers.of(device), entry => {
			this.#tell('log', entry);
		});
		network.on('link', change => this.emit('link', change));
		network.on('failure', error => this.emit('failure', error));
	}

	/**
	Builds the network of a topology and secures it with an empty policy: from then on its defaults hold.

	@throws ProblemsError with every problem of the topology; as Network.up
	*/
	static async up(topology: Topology, options: LabOptions = {}): Promise<Lab> {
		const blueprint = withFirewalls(check(topology), options.firewalls ?? []);
		let lab: Lab | undefined;
		const network = await Network.up(blueprint, {
			...options,
			async prepareSwitches(made) {
				lab = new Lab(made, options.drivers);
				await lab.#secureSwitches();
			},
		});
		try {
			lab ??= new Lab(network, options.drivers);
			await lab.change(policy => policy);
			return lab;
		} catch (error) {
			await network.down();
			throw error;
		}
	}

	/** The defaults hold on every switch before it has a port. */
	async #secureSwitches(): Promise<void> {
		const {shared, devices} = compile(this.#policy, this.inventory);
		await this.#firewall.install({shared, devices: new Map([...devices].filter(([, {kind}]) => kind === 'switch'))});
	}

	get name(): string {
		return this.network.name;
	}

	get policy(): Policy {
		return this.#policy;
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
		const turn = this.#last.then(async () => this.#change(edit));
		this.#last = turn.catch(() => undefined);
		return turn;
	}

	async #change(edit: (policy: Policy) => Policy): Promise<Change> {
		const started = performance.now();
		const before = this.#policy;
		const after = edit(before);
		const compiled = compile(after, this.inventory);
		await this.#log.follow(compiled);
		const devices = await this.#firewall.apply(compiled);
		this.#policy = after;
		this.#log.rest(compiled);
		try {
			const cut = await this.#revoke();
			return {devices, cut, ms: performance.now() - started};
		} finally {
			this.#announce(before, after);
		}
	}

	/** The name of each device's firewall driver. */
	get firewalls(): ReadonlyMap<string, FirewallName> {
		return this.#drivers.names;
	}

	/**
	Gives devices another firewall driver: no packet of an allowed connection is lost, and nothing of the old one stays.

	@param devices default: all that it is for
	@throws InputError `unknown-device`, `wrong-kind`; as `change`, every device then has the driver it had
	*/
	async setFirewall(name: FirewallName, devices: readonly string[] = this.#drivers.fitting(name)): Promise<Change> {
		this.#drivers.refuseUnfit(name, devices);
		const turn = this.#last.then(async () => this.#exchange(name, devices));
		this.#last = turn.catch(() => undefined);
		return turn;
	}

	async #exchange(name: FirewallName, devices: readonly string[]): Promise<Change> {
		const before = new Map(this.#drivers.names);
		this.#drivers.choose(new Map(devices.map(device => [device, name])));
		try {
			return await this.#change(policy => policy);
		} catch (error) {
			if (!(error instanceof SecureNetError && ['retire', 'revoke'].includes(error.code))) {
				this.#drivers.choose(before);
			}

			throw error;
		}
	}

	/**
	What `change` would do, without doing it.

	@param edit from policy/repository.ts
	@throws what the edit throws; InputError `unsupported` when a device cannot enforce the result
	*/
	async plan(edit: (policy: Policy) => Policy): Promise<Plan> {
		await this.#last;
		const before = this.#policy;
		const after = edit(before);
		return {before, after, devices: this.#firewall.plan(compile(after, this.inventory))};
	}

	/** @throws SecureNetError `revoke`; what could not be judged now is judged with the next change */
	async #revoke(): Promise<number> {
		// Mostly there is no connection to judge, and preparing a large policy takes longer than all the rest.
		let evaluate: ((packet: Packet) => Verdict) | undefined;
		const judge = (packet: Packet): Verdict => (evaluate ??= evaluator(this.#policy, this.inventory))(packet);
		try {
			if (this.#policy.revocation === 'keep') {
				await this.#firewall.settle();
				return 0;
			}

			return await this.#firewall.revoke(judge);
		} catch (error) {
			throw new SecureNetError('revoke', `The new policy is in force, but open connections could not be judged by it: ${messageOf(error)}`, {}, {cause: error});
		}
	}

	/** Rule id to the number of first packets it decided, summed over devices, since the hits were last reset. */
	async hits(): Promise<ReadonlyMap<number, number>> {
		const none = this.#policy.rules.map(({id}) => [id, 0] as const);
		return new Map([...none, ...hitsOf([...(await this.installed()).values()].flat())]);
	}

	/** From now on hits count from zero. The devices' own counters go on. */
	async resetHits(): Promise<void> {
		this.#hits.reset(await this.#firewall.list([...this.inventory.devices.keys()]));
	}

	/**
	What is installed on switches and perimeter routers, by device, each line with the sentence behind it.

	@param devices default: all
	@throws InputError `unknown-device`
	*/
	async installed(devices: readonly string[] = [...this.inventory.devices.keys()]): Promise<ReadonlyMap<string, readonly InstalledLine[]>> {
		return this.#hits.since(await this.#firewall.list(devices));
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
		await this.#last;
		this.#log.close();
		await this.network.down();
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
