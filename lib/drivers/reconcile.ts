/** Keeps all enforcement points of a lab at one policy: every device takes a change over, or none does. */
import type {TrackedConnection} from '../kernel/conntrack.ts';
import type {Packet, Verdict} from '../policy/evaluate.ts';
import type {Compiled, DevicePlan} from '../policy/filter-rule.ts';
import {parseAddress} from '../util/address.ts';
import {InputError, SecureNetError, messageOf} from '../util/errors.ts';
import {sortNames, unknownName} from '../util/names.ts';
import {inSlices, slicesOf} from '../util/slices.ts';
import type {FirewallDriver, InstalledLine, Step} from './driver.ts';

/** Each driver is asked only about states that it rendered itself. */
type AnyDriver = FirewallDriver<unknown>;
export type Drivers = Readonly<Record<DevicePlan['kind'], AnyDriver>>;

type Installed = {readonly driver: AnyDriver; readonly state: unknown};
type Change = Step<unknown> & {readonly driver: AnyDriver};

export class Firewall {
	readonly #drivers: Drivers;
	#installed = new Map<string, Installed>();
	/** Devices that changed since connections were last compared with the policy. */
	readonly #changed = new Set<string>();

	constructor(drivers: Drivers) {
		this.#drivers = drivers;
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
		const changes = rendered.filter(({driver, previous, next}) => driver.differs(previous, next));
		await checkAll(changes);
		await applyAll(changes);
		this.#installed = new Map(rendered.map(({device, driver, next}) => [device, {driver, state: next}]));
		const names = changes.map(({device}) => device);
		names.forEach(name => this.#changed.add(name));
		return names;
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

	/** What is installed on devices, by device, each line with its sentence. @throws InputError `unknown-device` */
	async list(devices: readonly string[]): Promise<Map<string, InstalledLine[]>> {
		const lists = await Promise.all([...this.#byDriver(devices)].map(async ([driver, states]) => driver.list(states)));
		const lines = new Map(lists.flatMap(list => [...list]));
		return new Map(devices.map(device => [device, lines.get(device) ?? []]));
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
		const refusals = plans.flatMap(plan => this.#drivers[plan.kind].supports(plan).map(sentence => `  ${plan.device}: ${sentence}`));
		if (refusals.length > 0) {
			throw new InputError('unsupported', ['The policy cannot be enforced; nothing has changed.', ...refusals].join('\n'));
		}
	}

	#render(plan: DevicePlan): Change {
		const driver = this.#drivers[plan.kind];
		const previous = this.#installed.get(plan.device)?.state ?? driver.plain;
		return {device: plan.device, driver, previous, next: driver.render(plan, previous)};
	}
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
	for (const {driver, device, previous, next} of changes) {
		try {
			const back = {device, previous: next, next: previous};
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
		const refused = connections.filter(connection => !isAllowed(connection, evaluate));
		try {
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

function isAllowed({source, destination}: TrackedConnection, evaluate: (packet: Packet) => Verdict): boolean {
	return evaluate({source: parseAddress(source), destination: parseAddress(destination)}).action === 'allow';
}
