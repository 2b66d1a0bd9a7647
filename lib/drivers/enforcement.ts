/** The policy in force in a lab: changed as one, on all devices, and looked at only between two changes. */
import {compile} from '../policy/compile.ts';
import {type Packet, type Verdict, evaluator} from '../policy/evaluate.ts';
import {type Inventory, inventoryOf} from '../policy/inventory.ts';
import type {Policy} from '../policy/model.ts';
import {forgetNodes, refuseNamesakes} from '../policy/node-edits.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import type {FirewallName} from '../topology/firewalls.ts';
import {SecureNetError, messageOf} from '../util/errors.ts';
import {type Chosen, Drivers} from './choice.ts';
import type {DeviceChange} from './device-change.ts';
import type {InstalledLine} from './driver.ts';
import type {DriverChoice, DriverContext} from './factory.ts';
import {type LogEntry, LogWatch} from './log.ts';
import {Firewall} from './reconcile.ts';

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

export type EnforcementOptions = {
	readonly inventory: Inventory;
	readonly context: DriverContext;
	/** Drivers of one's own, by kind of enforcement point. */
	readonly drivers: Partial<DriverChoice> | undefined;
	/** Another policy is in force. */
	readonly changed: (before: Policy, after: Policy) => void;
	readonly logged: (entry: LogEntry) => void;
	/** Something went wrong, and there is nobody whose call it could end. */
	readonly failed: (error: SecureNetError) => void;
};

/** Codes of what goes wrong when the policy is in force. */
const afterwards: readonly string[] = ['retire', 'revoke'];

export class Enforcement {
	#inventory: Inventory;
	readonly #drivers: Drivers;
	readonly #firewall: Firewall;
	readonly #log: LogWatch;
	readonly #changed: EnforcementOptions['changed'];
	readonly #failed: EnforcementOptions['failed'];
	#policy: Policy;
	/** Changes, and looks at what they made, wait for each other. */
	#last: Promise<unknown> = Promise.resolve();

	/** @param policy the first one; `install` and `change` put it in force */
	constructor(policy: Policy, {inventory, context, drivers, changed, logged, failed}: EnforcementOptions) {
		this.#policy = policy;
		this.#inventory = inventory;
		this.#drivers = new Drivers(context, inventory.devices, drivers);
		this.#firewall = new Firewall(device => this.#drivers.of(device));
		this.#log = new LogWatch(device => this.#drivers.of(device), logged);
		this.#changed = changed;
		this.#failed = failed;
	}

	get policy(): Policy {
		return this.#policy;
	}

	/** The network that the policy is in force in. */
	get inventory(): Inventory {
		return this.#inventory;
	}

	/** The name of each device's driver. */
	get names(): ReadonlyMap<string, FirewallName> {
		return this.#drivers.names;
	}

	/** Puts the policy in force on switches that have no port yet. */
	async install(): Promise<void> {
		const {shared, devices} = compile(this.#policy, this.#inventory);
		await this.#firewall.install({shared, devices: new Map([...devices].filter(([, {kind}]) => kind === 'switch'))});
	}

	/** As `Lab.change`. */
	async change(edit: (policy: Policy) => Policy): Promise<Change> {
		return this.#turn(async () => this.#change(edit));
	}

	/**
	Puts the policy in force in what the network is about to be, as one change: rules must not name what goes, and hosts that go leave their groups. It has the same devices.
	A policy that is in force, and could only not judge open connections, is no reason to take the network back.

	@throws InputError `name-taken`, `in-use`; as `change`, the policy then is in force in the network before
	*/
	async follow(network: Blueprint): Promise<void> {
		return this.#turn(async () => {
			const inventory = inventoryOf(network);
			const [before, after] = [stationsOf(this.#inventory), stationsOf(inventory)];
			try {
				await this.#change(policy => {
					refuseNamesakes(policy, after.filter(name => !before.includes(name)));
					return forgetNodes(policy, before.filter(name => !after.includes(name)));
				}, inventory);
			} catch (error) {
				if (!(error instanceof SecureNetError && afterwards.includes(error.code))) {
					throw error;
				}

				this.#failed(error);
			}
		});
	}

	/** As `Lab.setFirewall`. */
	async exchange(driver: Chosen, devices: readonly string[] = this.#drivers.fitting(driver)): Promise<Change> {
		this.#drivers.refuseUnfit(driver, devices);
		return this.#turn(async () => {
			const takeBack = this.#drivers.remember();
			this.#drivers.choose(new Map(devices.map(device => [device, driver])));
			try {
				return await this.#change(policy => policy);
			} catch (error) {
				if (!(error instanceof SecureNetError && afterwards.includes(error.code))) {
					takeBack();
				}

				throw error;
			}
		});
	}

	/** As `Lab.plan`. */
	async plan(edit: (policy: Policy) => Policy): Promise<Plan> {
		return this.#turn(() => {
			const before = this.#policy;
			const after = edit(before);
			return {before, after, devices: this.#firewall.plan(compile(after, this.#inventory))};
		});
	}

	/** As `Lab.hits`. */
	async hits(): Promise<ReadonlyMap<number, number>> {
		return this.#turn(async () => new Map([...this.#policy.rules.map(({id}) => [id, 0] as const), ...await this.#firewall.hits()]));
	}

	/** From now on hits count from zero. The devices' own counters go on. */
	async resetHits(): Promise<void> {
		return this.#turn(async () => this.#firewall.resetHits());
	}

	/** What is installed on devices, by device. @throws InputError `unknown-device` */
	async list(devices: readonly string[]): Promise<ReadonlyMap<string, readonly InstalledLine[]>> {
		return this.#turn(async () => this.#firewall.list(devices));
	}

	/** Ends with the last change that has begun, and lets go of what is kept open for devices. What they have stays. */
	async close(): Promise<void> {
		await this.#last;
		this.#log.close();
		this.#firewall.close();
	}

	/** Does work when all that was begun before is done. */
	async #turn<Result>(work: () => Promise<Result> | Result): Promise<Result> {
		const turn = this.#last.then(work);
		this.#last = turn.catch(() => undefined);
		return turn;
	}

	async #change(edit: (policy: Policy) => Policy, inventory = this.#inventory): Promise<Change> {
		const started = performance.now();
		const before = this.#policy;
		const after = edit(before);
		const compiled = compile(after, inventory);
		const devices = await this.#log.during(compiled, async () => this.#firewall.apply(compiled, after.rules.map(({id}) => id)));
		this.#policy = after;
		this.#inventory = inventory;
		try {
			const cut = await this.#finish();
			return {devices, cut, ms: performance.now() - started};
		} finally {
			this.#changed(before, after);
		}
	}

	/** What is left of the policy before goes: drivers that were replaced, then connections. Returns how many of those were cut. @throws SecureNetError `retire`, `revoke` */
	async #finish(): Promise<number> {
		try {
			await this.#firewall.retire();
		} catch (error) {
			await this.#revoke();
			throw error;
		}

		return this.#revoke();
	}

	/** @throws SecureNetError `revoke`; what could not be judged now is judged with the next change */
	async #revoke(): Promise<number> {
		// Mostly there is no connection to judge, and preparing a large policy takes longer than all the rest.
		let evaluate: ((packet: Packet) => Verdict) | undefined;
		const judge = (packet: Packet): Verdict => (evaluate ??= evaluator(this.#policy, this.#inventory))(packet);
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
}

/** Hosts and routers; the devices among the rest stay. */
function stationsOf({hosts, routers}: Inventory): string[] {
	return [...hosts.keys(), ...routers.keys()];
}
