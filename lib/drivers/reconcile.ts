/** Keeps all enforcement points of a lab at one policy: every device takes a change over, or none does. */
import {protocolNumber} from '../kernel/protocol.ts';
import type {TrackedConnection} from '../kernel/conntrack.ts';
import type {Packet, Verdict} from '../policy/evaluate.ts';
import type {Compiled, DevicePlan} from '../policy/filter-rule.ts';
import {parseAddress} from '../util/address.ts';
import {InputError, SecureNetError, messageOf} from '../util/errors.ts';
import {sortNames, unknownName} from '../util/names.ts';
import {inSlices, slicesOf} from '../util/slices.ts';
import type {FirewallDriver, InstalledLine, Step} from './driver.ts';
import {CarriedHits} from './hits.ts';

/** Each driver is asked only about states that it rendered itself. */
type AnyDriver = FirewallDriver<unknown>;
/** The driver that a device is to have. */
export type DriverOf = (device: Pick<DevicePlan, 'device' | 'kind'>) => AnyDriver;

type Installed = {readonly driver: AnyDriver; readonly state: unknown};
type Change = Step<unknown> & {
	readonly driver: AnyDriver;
	/** What another driver has there, which goes as soon as this one's is in force. */
	readonly retires?: Installed;
};

/** What a change would do to a device. */
export type DeviceChange = {
	readonly device: string;
	/** Lines, as the device takes them, that would be there and are not. */
	readonly added: readonly string[];
	readonly removed: readonly string[];
};

export class Firewall {
	readonly #driverOf: DriverOf;
	/** What drivers that are gone had counted. */
	readonly #counted = new CarriedHits();
	#installed = new Map<string, Installed>();
	/** Devices that changed since connections were last compared with the policy. */
	readonly #changed = new Set<string>();

	constructor(driverOf: DriverOf) {
		this.#driverOf = driverOf;
	}

	/**
	Brings every device to a policy: all are asked first, then changed, in natural order; when one refuses, those that changed
	are put back.

	@returns names of the devices that changed; empty when all were so already
	@throws InputError `unsupported` with every refusal, before anything is touched
	@throws DeviceError naming the device, the rule and the device's own words
	*/
	async apply({devices}: Compiled): Promise<string[]> {
		const plans = sortNames(devices.keys()).flatMap(name => devices.get(name) ?? []);
		this.#refuseUnsupported(plans);
		const rendered = plans.map(plan => this.#render(plan));
		const changes = rendered.filter(isChange);
		await checkAll(changes);
		await applyAll(changes);
		this.#installed = new Map(rendered.map(({device, driver, next}) => [device, {driver, state: next}]));
		const names = changes.map(({device}) => device);
		names.forEach(name => this.#changed.add(name));
		await this.#retire(changes);
		return names;
	}

	/** What `apply` would change, in natural order; nothing is touched. @throws InputError `unsupported` with every refusal */
	plan({devices}: Compiled): DeviceChange[] {
		const plans = sortNames(devices.keys()).flatMap(name => devices.get(name) ?? []);
		this.#refuseUnsupported(plans);
		return plans
			.map(plan => this.#render(plan))
			.filter(isChange)
			.map(({device, driver, previous, next}) => ({device, ...difference(driver.texts(previous), driver.texts(next))}));
	}

	/** The same for devices that nothing uses yet: a few at a time, without asking first and without a way back. */
	async install({devices}: Compiled): Promise<void> {
		const plans = [...devices.values()];
		this.#refuseUnsupported(plans);
		const changes = plans.map(plan => this.#render(plan));
		await inSlices(changes, async change => change.driver.apply(change));
		this.#installed = new Map(changes.map(({device, driver, next}) => [device, {driver, state: next}]));
	}

	/**
	Ends connections that the policy no longer allows, on every device that changed since the last call.

	@param evaluate the policy's verdict on the first packet of a connection
	@returns how many were ended, counted on each device
	@throws SecureNetError `revoke` naming every device that failed, after all others have cut theirs; the next call compares again
	*/
	async revoke(evaluate: (packet: Packet) => Verdict): Promise<number> {
		const revoked = await Promise.all([...this.#byDriver(this.#changed)].map(async ([driver, devices]) => revokeOn(driver, devices, evaluate)));
		throwFailures(revoked.flatMap(({failures}) => failures));
		this.#changed.clear();
		return revoked.reduce((sum, {count}) => sum + count, 0);
	}

	/** Returns when every device that changed treats all packets by what it has now, where connections that are no longer allowed run on. */
	async settle(): Promise<void> {
		await Promise.all([...this.#byDriver(this.#changed).keys()].map(async driver => driver.settle()));
	}

	/** What is installed on devices, by device, each line with its sentence. @throws InputError `unknown-device` */
	async list(devices: readonly string[]): Promise<Map<string, InstalledLine[]>> {
		const lists = await Promise.all([...this.#byDriver(devices)].map(async ([driver, states]) => driver.list(states)));
		const lines = new Map(lists.flatMap(list => [...list]));
		return new Map(devices.map(device => [device, this.#counted.with(device, lines.get(device) ?? [])]));
	}

	#byDriver(devices: Iterable<string>): Map<AnyDriver, Map<string, unknown>> {
		const byDriver = new Map<AnyDriver, Map<string, unknown>>();
		for (const device of devices) {
			const installed = this.#installed.get(device);
			if (!installed) {
				throw unknownName('device', device, this.#installed.keys());
			}

			const {driver, state} = installed;
			byDriver.set(driver, (byDriver.get(driver) ?? new Map<string, unknown>()).set(device, state));
		}

		return byDriver;
	}

	#refuseUnsupported(plans: readonly DevicePlan[]): void {
		const refusals = plans.flatMap(plan => this.#driverOf(plan).supports(plan).map(sentence => `  ${plan.device}: ${sentence}`));
		if (refusals.length > 0) {
			throw new InputError('unsupported', ['The policy cannot be enforced; nothing has changed.', ...refusals].join('\n'));
		}
	}

	#render(plan: DevicePlan): Change {
		const driver = this.#driverOf(plan);
		const installed = this.#installed.get(plan.device);
		const retires = installed && installed.driver !== driver ? installed : undefined;
		const previous = installed && !retires ? installed.state : driver.plain;
		return {device: plan.device, driver, previous, next: driver.render(plan, previous), ...retires ? {retires, beside: true} : {}};
	}

	/**
	While two drivers are on a device, packets pass that both let pass; connections that the old one made are the new one's too.

	@throws SecureNetError `retire` naming the devices that keep what the old driver had; the new one is in force everywhere
	*/
	async #retire(changes: readonly Change[]): Promise<void> {
		const stuck: string[] = [];
		for (const {device, retires} of changes) {
			try {
				if (retires) {
					this.#counted.add(device, (await retires.driver.list(new Map([[device, retires.state]]))).get(device) ?? []);
					await retires.driver.apply({device, previous: retires.state, next: retires.driver.plain});
				}
			} catch (error) {
				stuck.push(`  ${device}: ${messageOf(error)}`);
			}
		}

		if (stuck.length > 0) {
			throw new SecureNetError('retire', ['The new drivers are in force; these devices keep what the old ones had besides, and let pass what both allow:', ...stuck].join('\n'));
		}
	}
}

function isChange({driver, previous, next, retires}: Change): boolean {
	return retires !== undefined || driver.differs(previous, next);
}

function difference(before: readonly string[], after: readonly string[]): {added: string[]; removed: string[]} {
	const [old, now] = [new Set(before), new Set(after)];
	return {added: [...now].filter(text => !old.has(text)), removed: [...old].filter(text => !now.has(text))};
}

/** When one device refuses, the others forget what they prepared. The first refusal in natural order is the one that is told. */
async function checkAll(changes: readonly Change[]): Promise<void> {
	const answers = await Promise.allSettled(changes.map(async change => change.driver.check(change)));
	const refusal = answers.find(answer => answer.status === 'rejected');
	if (refusal) {
		await discardAll(changes.filter((_, index) => answers[index]?.status === 'fulfilled'));
		throw refusal.reason;
	}
}

/**
A few devices at a time, in natural order: a switch with many ports answers late, and does not answer later when others are asked too.
When one refuses, all that changed are put back. The first refusal in natural order is the one that is told.
*/
async function applyAll(changes: readonly Change[]): Promise<void> {
	const made: Change[] = [];
	let begun = 0;
	for (const slice of slicesOf(changes)) {
		begun += slice.length;
		const answers = await Promise.allSettled(slice.map(async change => change.driver.apply(change)));
		made.push(...slice.filter((_, index) => answers[index]?.status === 'fulfilled'));
		const refusal = answers.find(answer => answer.status === 'rejected');
		if (refusal) {
			try {
				await putBack([...made].reverse(), refusal.reason);
			} finally {
				await discardAll(changes.slice(begun));
			}

			throw refusal.reason;
		}
	}
}

/** What a device cannot forget is in nobody's way, and must not hide why the change was refused. */
async function discardAll(changes: readonly Change[]): Promise<void> {
	await Promise.allSettled(changes.map(async change => change.driver.discard(change)));
}

/** @throws SecureNetError `put-back` when a device takes neither the new policy nor the old one */
async function putBack(changes: readonly Change[], reason: unknown): Promise<void> {
	const stuck: string[] = [];
	for (const {driver, device, previous, next, beside} of changes) {
		try {
			const back = {device, previous: next, next: previous, ...beside === undefined ? {} : {beside}};
			await driver.check(back);
			await driver.apply(back);
		} catch (error) {
			stuck.push(`${device} keeps the new policy: ${messageOf(error)}`);
		}
	}

	if (stuck.length > 0) {
		throw new SecureNetError('put-back', [messageOf(reason), ...stuck].join('\n'), {}, {cause: reason});
	}
}

type Revoked = {readonly count: number; readonly failures: readonly Failure[]};
type Failure = {readonly devices: string; readonly error: unknown};

/** Every device cuts what it can, whatever becomes of the others. */
async function revokeOn(driver: AnyDriver, devices: ReadonlyMap<string, unknown>, evaluate: (packet: Packet) => Verdict): Promise<Revoked> {
	const failures: Failure[] = [];
	let count = 0;
	for (const [device, connections] of await connectionsOf(driver, devices, failures)) {
		try {
			const refused = connections.filter(connection => !isAllowed(connection, evaluate));
			if (refused.length > 0) {
				await driver.cut(device, devices.get(device), refused);
				count += refused.length;
			}
		} catch (error) {
			failures.push({devices: device, error});
		}
	}

	return {count, failures};
}

async function connectionsOf(driver: AnyDriver, devices: ReadonlyMap<string, unknown>, failures: Failure[]): Promise<ReadonlyMap<string, readonly TrackedConnection[]>> {
	try {
		await driver.settle();
		return await driver.connections(devices);
	} catch (error) {
		failures.push({devices: [...devices.keys()].join(', '), error});
		return new Map();
	}
}

/** @throws SecureNetError `revoke` naming every device, when there are failures */
function throwFailures(failures: readonly Failure[]): void {
	if (failures.length > 0) {
		const lines = failures.map(({devices, error}) => `  ${devices}: ${messageOf(error)}`);
		throw new SecureNetError('revoke', ['Connections that the policy no longer allows may go on:', ...lines].join('\n'), {}, {cause: failures[0]?.error});
	}
}

/** A connection is kept by an allow that would make it again; what only lets single packets pass keeps none. */
function isAllowed(connection: TrackedConnection, evaluate: (packet: Packet) => Verdict): boolean {
	const {action, stateful} = evaluate(openingOf(connection));
	return action === 'allow' && stateful;
}

/** The packet that began the connection. */
function openingOf({protocol, source, destination, sport, dport, icmp}: TrackedConnection): Packet {
	return {
		source: parseAddress(source),
		destination: parseAddress(destination),
		protocol: protocolNumber(protocol),
		...(sport === undefined ? {} : {sport}),
		...(dport === undefined ? {} : {dport}),
		...(icmp ? {icmpType: icmp.type, icmpCode: icmp.code} : {}),
	};
}
