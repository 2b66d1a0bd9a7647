/** What rules with `log` decided, told as it happens: each device is listened to as long as one of its rules asks for it. */
import type {Compiled, DevicePlan, FilterRule} from '../policy/filter-rule.ts';
import {messageOf} from '../util/errors.ts';
import type {FirewallDriver, LogReport} from './driver.ts';
import {packetLine} from './packet-line.ts';

/** A packet that a rule with `log` decided: the one that made a connection, or each one where the rule makes none. */
export type LogEntry = {
	/** When it was told, as Date.toISOString writes it. */
	readonly time: string;
	readonly device: string;
	/** Id of the rule. */
	readonly rule: number;
	readonly sentence: string;
	/** What the rule says the line should begin with; empty when it says nothing. */
	readonly text: string;
	/** Such as `tcp 10.0.10.10:40000 > 10.0.20.20:80`. */
	readonly packet: string;
};

type Device = Pick<DevicePlan, 'device' | 'kind'>;
type Driver = Pick<FirewallDriver<unknown>, 'watchLog'>;
/** What is listened to, and what ends it. */
type Listening = {readonly driver: Driver; readonly stop: () => void};

/** The rules of a policy that log, by id, and the devices that have one. */
type Logging = {readonly rules: ReadonlyMap<number, FilterRule>; readonly devices: ReadonlyMap<string, Device>};

export class LogWatch {
	readonly #driverOf: (device: Device) => Driver;
	readonly #tell: (entry: LogEntry) => void;
	readonly #open = new Map<string, Listening>();
	/** Of the policy in force. */
	#logging: Logging = {rules: new Map(), devices: new Map()};
	/** Those of the policy before as well: their last packets may be told late. */
	#rules: ReadonlyMap<number, FilterRule> = new Map();

	constructor(driverOf: (device: Device) => Driver, tell: (entry: LogEntry) => void) {
		this.#driverOf = driverOf;
		this.#tell = tell;
	}

	/**
	Listens while work puts a policy in force, so that no packet is missed, and from then on to those devices of which the policy
	in force logs: it is the one before when the work fails.

	@throws what the work throws; SecureNetError when a device cannot be listened to
	*/
	async during<Result>(policy: Compiled, work: () => Promise<Result>): Promise<Result> {
		const next = loggingOf(policy);
		const before = new Map([...this.#open].map(([device, {driver}]) => [device, driver]));
		this.#rules = new Map([...this.#logging.rules, ...next.rules]);
		try {
			await this.#listen(next.devices.values());
			const result = await work();
			this.#logging = next;
			return result;
		} catch (error) {
			await Promise.all([...before].map(async ([device, driver]) => this.#listenTo(device, driver))).catch(warn);
			throw error;
		} finally {
			this.#rest();
		}
	}

	close(): void {
		this.#logging = {rules: new Map(), devices: new Map()};
		this.#rest();
	}

	/** All are tried, so that what is listened to is known when one fails. */
	async #listen(devices: Iterable<Device>): Promise<void> {
		const answers = await Promise.allSettled(Array.from(devices, async device => this.#listenTo(device.device, this.#driverOf(device))));
		const failure = answers.find(answer => answer.status === 'rejected');
		if (failure) {
			throw failure.reason;
		}
	}

	async #listenTo(device: string, driver: Driver): Promise<void> {
		const open = this.#open.get(device);
		if (open?.driver === driver) {
			return;
		}

		this.#stop(device);
		const stop = await driver.watchLog?.(device, report => {
			this.#report(device, report);
		});
		this.#open.set(device, {driver, stop: stop ?? (() => undefined)});
	}

	/** Devices none of whose rules logs need not be listened to. */
	#rest(): void {
		for (const device of this.#open.keys()) {
			if (!this.#logging.devices.has(device)) {
				this.#stop(device);
			}
		}
	}

	/** A device that is heard no more is in nobody's way, and must not undo a change. */
	#stop(device: string): void {
		const open = this.#open.get(device);
		this.#open.delete(device);
		try {
			open?.stop();
		} catch (error) {
			warn(error);
		}
	}

	#report(device: string, {rule: id, packet}: LogReport): void {
		const rule = this.#rules.get(id);
		this.#tell({time: new Date().toISOString(), device, rule: id, sentence: rule?.sentence ?? '', text: rule?.log?.text ?? '', packet: packetLine(packet)});
	}
}

function warn(error: unknown): void {
	process.emitWarning(`What rules with log decide may not be told: ${messageOf(error)}`);
}

function loggingOf({devices}: Compiled): Logging {
	const plans = [...devices.values()].filter(({rules}) => rules.some(({log}) => log));
	return {
		rules: new Map(plans.flatMap(({rules}) => rules.filter(({log}) => log)).map(rule => [rule.id, rule])),
		devices: new Map(plans.map(plan => [plan.device, plan])),
	};
}
