/** Which driver each device of a lab has, and every driver made once. */
import type {DeviceEntry} from '../policy/inventory.ts';
import type {FirewallName} from '../topology/firewalls.ts';
import {InputError} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import type {FirewallDriver} from './driver.ts';
import {type DriverChoice, type DriverContext, flowStyles, namedDrivers} from './factory.ts';
import {createOpenflowDriver} from './openflow.ts';
import type {FlowStyle} from './openflow-port-lists.ts';

type AnyDriver = FirewallDriver<unknown>;

export class Drivers {
	readonly #context: DriverContext;
	readonly #own: Partial<DriverChoice>;
	readonly #devices: ReadonlyMap<string, DeviceEntry>;
	readonly #names: Map<string, FirewallName>;
	readonly #made = new Map<string, AnyDriver>();

	/** @param own drivers that take the place of all named ones of a kind of device */
	constructor(context: DriverContext, devices: ReadonlyMap<string, DeviceEntry>, own: Partial<DriverChoice> = {}) {
		this.#context = context;
		this.#own = own;
		this.#devices = devices;
		this.#names = new Map([...devices].map(([name, {firewall}]) => [name, firewall]));
	}

	/** Device to the name of its driver. */
	get names(): ReadonlyMap<string, FirewallName> {
		return this.#names;
	}

	/** Gives devices other drivers, for the next rendering of their plans. */
	choose(names: ReadonlyMap<string, FirewallName>): void {
		for (const [device, name] of names) {
			this.#names.set(device, name);
		}
	}

	/** The devices that a driver is for. */
	fitting(name: FirewallName): string[] {
		return [...this.#devices.values()].filter(({kind}) => kind === namedDrivers[name].kind).map(device => device.name);
	}

	/** @throws InputError `unknown-device`, `wrong-kind` */
	refuseUnfit(name: FirewallName, devices: readonly string[]): void {
		const fitting = this.fitting(name);
		for (const device of devices) {
			if (!this.#devices.has(device)) {
				throw unknownName('device', device, this.#devices.keys());
			}

			if (!fitting.includes(device)) {
				throw new InputError('wrong-kind', `${name} is no driver for ${device}. Those it is for: ${fitting.join(', ') || 'none in this lab'}.`, {expected: fitting});
			}
		}
	}

	of({device, kind}: {readonly device: string; readonly kind: DeviceEntry['kind']}): AnyDriver {
		const own = this.#own[kind];
		const name = this.#names.get(device);
		if (own) {
			return this.#make(kind, () => own(this.#context));
		}

		if (name === undefined) {
			throw new Error(`The plan names the device ${device} and the lab does not have it.`);
		}

		// Another style is a change of flows like any other, so all styles have one driver.
		return flowStyles[name] === undefined
			? this.#make(name, () => namedDrivers[name].create(this.#context))
			: this.#make('openflow', () => createOpenflowDriver({...this.#context, styleOf: each => this.#styleOf(each)}));
	}

	#styleOf(device: string): FlowStyle {
		return flowStyles[this.#names.get(device) ?? 'openflow'] ?? 'rules';
	}

	#make(key: string, make: () => AnyDriver): AnyDriver {
		const known = this.#made.get(key) ?? make();
		this.#made.set(key, known);
		return known;
	}
}
