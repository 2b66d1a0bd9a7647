/** The switches of a lab: bridges of its private Open vSwitch, made at once, that get their ports portion by portion while the rest of the network is made. */
import {mkdirSync} from 'node:fs';
import type {Namespace} from '../kernel/namespace.ts';
import {Ovsdb} from '../kernel/ovsdb.ts';
import type {Interface} from '../link/interface.ts';
import type {NodePlan} from '../topology/blueprint.ts';
import type {SecureNetError} from '../util/errors.ts';
import type {ProcessRecord} from './journal.ts';
import {type OpenVswitch, startOpenVswitch} from './open-vswitch.ts';

export type SwitchingOptions = {
	readonly fabric: Namespace;
	/** Where Open vSwitch keeps its files. */
	readonly directory: string;
	readonly switches: readonly NodePlan[];
	/** Called when the bridges exist and before any has a port: what it installs is in force before the first packet. */
	readonly prepare: () => Promise<void>;
	/** Called with each daemon as soon as it runs. */
	readonly started: (daemon: ProcessRecord) => void;
	/** Called when a daemon ends by itself. */
	readonly died: (error: SecureNetError) => void;
};

export class Switching {
	readonly #running: Promise<{openVswitch: OpenVswitch; database: Ovsdb}>;
	readonly #additions: Array<Promise<void>> = [];

	/** Starts the daemons; they are ready some time later. */
	constructor(options: SwitchingOptions) {
		this.#running = start(options);
		// Whoever waits for the switches gets the error; until then it must not count as nobody's.
		this.#running.catch(() => undefined);
	}

	/** The userspace datapath needs complete checksums from its ports, the kernel's does not. */
	async needsChecksums(): Promise<boolean> {
		const {openVswitch} = await this.#running;
		return openVswitch.datapathType === 'netdev';
	}

	/** Begins to give switches their ports, whose interfaces exist already. */
	addPorts(switches: readonly NodePlan[]): void {
		const addition = this.#running.then(async ({database}) => database.addPorts(switches.map(({name, interfaces}) => ({
			name,
			ports: interfaces.map(each => ({name: each.name, ofport: each.port ?? 0})),
		}))));
		addition.catch(() => undefined);
		this.#additions.push(addition);
	}

	/** Gives switches that are there ports whose interfaces exist, by the switches' names, and waits until they forward. @throws as `ready` */
	async plug(ports: ReadonlyMap<string, readonly Interface[]>): Promise<void> {
		const {database} = await this.#running;
		await database.addPorts([...ports].map(([name, ends]) => ({name, ports: ends.map(end => ({name: end.name, ofport: end.port ?? 0}))})));
	}

	/** Takes ports from switches; their interfaces stay. */
	async unplug(ports: ReadonlyMap<string, readonly Interface[]>): Promise<void> {
		const {database} = await this.#running;
		await database.deletePorts([...ports].map(([name, ends]) => ({name, ports: ends.map(end => end.name)})));
	}

	/** Waits until all ports are there. @throws SecureNetError naming the daemon that did not start, or the ports it did not take */
	async ready(): Promise<void> {
		await Promise.all(this.#additions);
	}

	/** Lets go of the daemons; ending them is the sweep's. */
	async close(): Promise<void> {
		const running = await this.#running.catch(() => undefined);
		running?.database.close();
		await Promise.allSettled(this.#additions);
	}
}

async function start({fabric, directory, switches, prepare, started, died}: SwitchingOptions): Promise<{openVswitch: OpenVswitch; database: Ovsdb}> {
	mkdirSync(directory, {recursive: true, mode: 0o700});
	const openVswitch = await startOpenVswitch({
		namespace: fabric,
		directory,
		onStart({pid, startTime}) {
			started({pid, startTime});
		},
	});
	void openVswitch.died.then(died);
	const database = await Ovsdb.connect(openVswitch.database);
	await database.addBridges(switches.map((plan, index) => ({
		name: plan.name,
		datapathType: openVswitch.datapathType,
		failMode: 'standalone',
		stp: plan.kind === 'switch' && plan.options.stp === true,
		datapathId: index + 1,
	})));
	await prepare();
	return {openVswitch, database};
}
