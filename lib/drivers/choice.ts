/** Which driver each device of a lab has, and every driver made once. */
import type {DeviceEntry} from '../policy/inventory.ts';
import type {FirewallName} from '../topology/firewalls.ts';
import {InputError} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import type {AnyDriver} from './device-steps.ts';
import {type DriverChoice, type DriverContext, type DriverFactory, flowStyles, namedDrivers} from './factory.ts';
import {createOpenflowDriver} from './openflow.ts';
import type {FlowStyle} from './openflow-port-lists.ts';

const plural = {switch: 'switches', bridge: 'bridges with a firewall', perimeter: 'perimeter firewalls'} as const;

/** What a device can be given: a driver that has a name, or one of one's own. */
export type Chosen = FirewallName | DriverFactory;

export class Drivers {
	readonly #context: DriverContext;
	/** Drivers of one's own, by device. */
	#own: Map<string, DriverFactory>;
	readonly #devices: ReadonlyMap<string, DeviceEntry>;
	#names: Map<string, FirewallName>;
	readonly #made = new Map<Chosen, AnyDriver>();

	/** @param own drivers that devices of a kind have instead of named ones, until they are given another */
	constructor(context: DriverContext, devices: ReadonlyMap<string, DeviceEntry>, own: Partial<DriverChoice> = {}) {
		this.#context = context;
		this.#own = new Map([...devices].flatMap(([name, {kind}]) => own[kind] ? [[name, own[kind]] as const] : []));
		this.#devices = devices;
		this.#names = new Map([...devices].map(([name, {firewall}]) => [name, firewall]));
	}

	/** Device to the name of its driver. */
	get names(): ReadonlyMap<string, FirewallName> {
		return this.#names;
	}

	/** Every device has the driver again that it has now, once the returned function is called. */
	remember(): () => void {
		const [names, own] = [new Map(this.#names), new Map(this.#own)];
		return () => {
			this.#names = names;
			this.#own = own;
		};
	}

	/** Gives devices other drivers, for the next rendering of their plans. */
	choose(chosen: ReadonlyMap<string, Chosen>): void {
		for (const [device, each] of chosen) {
			this.#own.delete(device);
			if (typeof each === 'string') {
				this.#names.set(device, each);
			} else {
				this.#own.set(device, each);
			}
		}
	}

	/** The devices that a driver is for; of one's own nobody knows. */
	fitting(name: Chosen): string[] {
		return typeof name !== 'string' ? [] : [...this.#devices.values()].filter(({kind}) => kind === namedDrivers[name].kind).map(device => device.name);
	}

	/** @throws InputError `unknown-device`, `wrong-kind` */
	refuseUnfit(name: Chosen, devices: readonly string[]): void {
		const fitting = this.fitting(name);
		if (devices.length === 0) {
			throw new InputError('wrong-kind', `${typeof name === 'string' ? `${name} is for ${plural[namedDrivers[name].kind]}, and this lab has none` : 'For which devices? A driver of one\'s own does not say'}.`, {expected: ['device']});
		}

		for (const device of devices) {
			if (!this.#devices.has(device)) {
				throw unknownName('device', device, this.#devices.keys());
			}

			if (typeof name === 'string' && !fitting.includes(device)) {
				throw new InputError('wrong-kind', `${name} is no driver for ${device}. Those it is for: ${fitting.join(', ') || 'none in this lab'}.`, {expected: fitting});
			}
		}
	}

	of({device}: {readonly device: string}): AnyDriver {
		const own = this.#own.get(device);
		const name = this.#names.get(device);
		if (own) {
			return this.#make(own, () => own(this.#context));
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

	#make(key: Chosen, make: () => AnyDriver): AnyDriver {
		const known = this.#made.get(key) ?? make();
		this.#made.set(key, known);
		return known;
	}
}
