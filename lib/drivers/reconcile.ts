/** Keeps all enforcement points of a lab at one policy: every device takes a change over, or none does. */
import type {Packet, Verdict} from '../policy/evaluate.ts';
import type {Compiled, DevicePlan} from '../policy/filter-rule.ts';
import {InputError, SecureNetError, messageOf} from '../util/errors.ts';
import {sortNames, unknownName} from '../util/names.ts';
import {inSlices} from '../util/slices.ts';
import {type DeviceChange, difference} from './device-change.ts';
import {PutBackError, applyAll, checkAll, closeOn} from './device-steps.ts';
import type {AnyDriver, DeviceStep} from './device-steps.ts';
import type {InstalledLine} from './driver.ts';
import {Hits} from './hits.ts';
import type {RuleHits} from './hits.ts';
import {type Counts, type Losses, askLosses, leaving, missing} from './losses.ts';
import {revokeOn, throwFailures} from './revocation.ts';

/** The driver that a device is to have. */
export type DriverOf = (device: Pick<DevicePlan, 'device' | 'kind'>) => AnyDriver;

type Rules = DevicePlan['rules'];
type Installed = {
	readonly driver: AnyDriver;
	readonly state: unknown;
	/** What the device may have instead, because it took neither a change nor the way back. */
	readonly perhaps?: readonly unknown[];
	/** Those that it counts. */
	readonly rules: Rules;
};

type Rendered = {
	readonly step: DeviceStep;
	readonly rules: Rules;
	/** What another driver has there, which goes as soon as this one's is in force. */
	readonly retires?: Installed;
};

export class Firewall {
	readonly #driverOf: DriverOf;
	readonly #hits = new Hits();
	#installed = new Map<string, Installed>();
	/** What drivers that were replaced still have on a device, until `retire` has taken it away. */
	readonly #leftovers = new Map<string, readonly Installed[]>();
	/** Devices that changed since connections were last compared with the policy. */
	readonly #changed = new Set<string>();

	constructor(driverOf: DriverOf) {
		this.#driverOf = driverOf;
	}

	/**
	Brings every device to a policy: all are asked first, then changed, in natural order; when one refuses, those that changed
	are put back. A device that an earlier change has left nobody knows how is changed whatever it has.

	@param rules ids of all rules that the policy has, whose hits go on; default: those that some device may need
	@returns names of the devices that changed; empty when all were so already
	@throws InputError `unsupported` with every refusal, before anything is touched
	@throws DeviceError naming the device, the rule and the device's own words; PutBackError
	*/
	async apply({shared, devices}: Compiled, rules: Iterable<number> = shared.order): Promise<string[]> {
		const rendered = this.#render(sortNames(devices.keys()).flatMap(name => devices.get(name) ?? []));
		const changes = rendered.filter(isChange);
		const steps = changes.map(({step}) => step);
		const {asked, told} = this.#losses(rendered);
		await checkAll(steps, asked);
		try {
			await applyAll(steps);
		} catch (error) {
			this.#rememberStuck(error);
			await this.#countOn(await told());
			throw error;
		}

		const lost = await told();
		const heirs = new Set(rendered.filter(each => this.#predecessor(each)).map(({step: {device}}) => device));
		const returning = rendered.filter(each => this.#isReturning(each));
		this.#take(rendered);
		await this.#countOn(new Map([...lost].filter(([device]) => heirs.has(device))));
		[...lost].filter(([device]) => !heirs.has(device)).forEach(([device, hits]) => {
			this.#hits.keep(device, hits);
		});
		await this.#discount(returning);
		this.#hits.retain(new Set(rules));
		steps.forEach(({device}) => this.#changed.add(device));
		return steps.map(({device}) => device);
	}

	/** What `apply` would change, in natural order; nothing is touched. @throws InputError `unsupported` with every refusal */
	plan({devices}: Compiled): DeviceChange[] {
		return this.#render(sortNames(devices.keys()).flatMap(name => devices.get(name) ?? []))
			.filter(isChange)
			.map(({step: {device, driver, previous, next}}) => ({device, ...difference(driver.texts(previous), driver.texts(next))}));
	}

	/** The same for devices that nothing uses yet: a few at a time, without asking first and without a way back. */
	async install({devices}: Compiled): Promise<void> {
		const rendered = this.#render([...devices.values()]);
		await inSlices(rendered, async ({step}) => step.driver.apply(step));
		this.#take(rendered);
	}

	/**
	Takes away what drivers that were replaced still have. Until then packets pass that both drivers let pass; connections that the old
	one made are the new one's too.

	@throws SecureNetError `retire` naming the devices that keep it; the new driver is in force everywhere, and the next call tries again
	*/
	async retire(): Promise<void> {
		const stuck: string[] = [];
		for (const [device, leftovers] of this.#leftovers) {
			const left: Installed[] = [];
			for (const {driver, state, perhaps = [], rules} of leftovers) {
				try {
					await driver.apply({device, previous: state, next: driver.plain, ...perhaps.length > 0 ? {perhaps} : {}});
					closeOn(driver, device);
				} catch (error) {
					left.push({driver, state, perhaps: [...new Set([...perhaps, driver.plain])], rules});
					stuck.push(`  ${device}: ${messageOf(error)}`);
				}
			}

			this.#leave(device, left);
		}

		if (stuck.length > 0) {
			throw new SecureNetError('retire', ['The new drivers are in force; these devices keep what the old ones had besides, and let pass what both allow, until a change of the policy succeeds:', ...stuck].join('\n'));
		}
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
		await Promise.all([...this.#byDriver(this.#changed).keys()].map(async driver => driver.settle?.()));
	}

	/** What is installed on devices, by device, each line with its sentence and its hits. @throws InputError `unknown-device` */
	async list(devices: readonly string[]): Promise<Map<string, InstalledLine[]>> {
		return this.#hits.of(await this.#read(devices));
	}

	/** Rule id to the hits since they were last reset, summed over devices. */
	async hits(): Promise<RuleHits> {
		return this.#hits.sum(await this.#read([...this.#installed.keys()]));
	}

	/** From now on hits count from zero. The devices' own counters go on. */
	async resetHits(): Promise<void> {
		this.#hits.reset(await this.#read([...this.#installed.keys()]));
	}

	/** Lets go of what drivers keep open for devices. */
	close(): void {
		for (const [device, {driver}] of [...this.#installed, ...[...this.#leftovers].flatMap(([name, left]) => left.map(each => [name, each] as const))]) {
			closeOn(driver, device);
		}
	}

	/** Lines as the devices have them. */
	async #read(devices: readonly string[]): Promise<Map<string, InstalledLine[]>> {
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

	/** @throws InputError `unsupported` with every refusal */
	#render(plans: readonly DevicePlan[]): Rendered[] {
		const refusals = plans.flatMap(plan => [...this.#driverOf(plan).supports(plan), ...this.#successionOf(plan)].map(sentence => `  ${plan.device}: ${sentence}`));
		if (refusals.length > 0) {
			throw new InputError('unsupported', ['The policy cannot be enforced; nothing has changed.', ...refusals].join('\n'));
		}

		return plans.map(plan => this.#renderOne(plan));
	}

	/** Why a driver cannot take a device over from the one there. */
	#successionOf(plan: DevicePlan): string[] {
		return plan.kind === 'switch' && this.#retiring(plan)
			? ['a switch has one pipeline of flows, in which two drivers cannot stand beside each other, and the new one does not begin from what the old one has; give it to the switch when the lab comes up']
			: [];
	}

	/** What another driver has on the device. Drivers that begin from the very same state, such as one that is made of another, go on from each other's. */
	#retiring(plan: DevicePlan): Installed | undefined {
		const installed = this.#installed.get(plan.device);
		return installed && installed.driver.plain !== this.#driverOf(plan).plain ? installed : undefined;
	}

	#renderOne(plan: DevicePlan): Rendered {
		const {device, rules} = plan;
		const driver = this.#driverOf(plan);
		const installed = this.#installed.get(device);
		const retires = this.#retiring(plan);
		const {state: previous, perhaps} = [installed, ...this.#leftovers.get(device) ?? []].find(each => each?.driver.plain === driver.plain) ?? {state: driver.plain};
		const step = {device, driver, previous, next: driver.render(plan, previous), ...retires ? {beside: true} : {}, ...perhaps ? {perhaps} : {}};
		return {step, rules, ...retires ? {retires} : {}};
	}

	/** The driver from whose state another goes on. */
	#predecessor({step: {device, driver}, retires}: Rendered): AnyDriver | undefined {
		const installed = this.#installed.get(device)?.driver;
		return retires || installed === driver ? undefined : installed;
	}

	/** Whether the driver goes on from what it still has on the device, beside the one that is in force there. */
	#isReturning({step: {device, previous}}: Rendered): boolean {
		return this.#leftovers.get(device)?.some(({state}) => state === previous) === true;
	}

	/** The steps were made. */
	#take(rendered: readonly Rendered[]): void {
		const predecessors = rendered.flatMap(each => [[this.#predecessor(each), each.step.device] as const]);
		this.#installed = new Map(rendered.map(({step: {device, driver, next}, rules}) => [device, {driver, state: next, rules}]));
		for (const {step: {device, driver}, retires} of rendered) {
			const others = (this.#leftovers.get(device) ?? []).filter(each => each.driver.plain !== driver.plain);
			this.#leave(device, retires ? [...others, retires] : others);
		}

		predecessors.forEach(([driver, device]) => {
			closeOn(driver, device);
		});
	}

	#leave(device: string, leftovers: readonly Installed[]): void {
		if (leftovers.length > 0) {
			this.#leftovers.set(device, leftovers);
		} else {
			this.#leftovers.delete(device);
		}
	}

	/** What was not put back is what was to go, or what was to come. */
	#rememberStuck(error: unknown): void {
		for (const {device, driver, previous, next, perhaps = []} of error instanceof PutBackError ? error.stuck : []) {
			const {driver: own = driver, rules = []} = this.#installed.get(device) ?? {};
			const stuck = {driver, state: next, perhaps: [previous, ...perhaps].filter(state => state !== next), rules};
			if (own.plain === driver.plain) {
				this.#installed.set(device, stuck);
			} else {
				this.#leave(device, [...(this.#leftovers.get(device) ?? []).filter(each => each.driver !== driver), stuck]);
			}
		}
	}

	#losses(rendered: readonly Rendered[]): Losses {
		const ids = leaving(rendered.map(({step: {device, driver}, rules}) => {
			const {rules: had = [], driver: counter = driver} = this.#installed.get(device) ?? {};
			return {device, had, has: rules, counterStays: counter === driver};
		}));
		return askLosses(this.#byDriver(ids.keys()), ids);
	}

	/** What devices count less now is kept: those that were put back begin at 0 with what they had lost, and a driver that goes on from another's state with what that one kept. */
	async #countOn(lost: Counts): Promise<void> {
		for (const [device, hits] of await missing(lost, this.#byDriver(lost.keys()))) {
			this.#hits.keep(device, hits);
		}
	}

	/** A driver that comes back to a device before it had let go of it has gone on counting beside the one between, which has counted for both. */
	async #discount(returning: readonly Rendered[]): Promise<void> {
		const rules = new Map(returning.map(each => [each.step.device, new Set(each.rules.map(({id}) => id))]));
		for (const [device, hits] of await askLosses(this.#byDriver(rules.keys()), rules).told()) {
			this.#hits.keep(device, new Map([...hits].map(([rule, packets]) => [rule, -packets])));
		}
	}
}

function isChange({step: {driver, previous, next, perhaps}, retires}: Rendered): boolean {
	return retires !== undefined || perhaps !== undefined || driver.differs(previous, next);
}
