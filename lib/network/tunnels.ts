/** The tunnels of a network: their devices before there are addresses, what carries them once there are. */
import {mkdirSync} from 'node:fs';
import {GreEndpoint} from '../kernel/gre-endpoint.ts';
import {deleteLinks, setLinkUp} from '../kernel/link.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import {addTun, deleteTun} from '../kernel/tun.ts';
import {addGre, addVxlan, addVxlanPeer, hasTunnels} from '../kernel/tunnel-link.ts';
import type {Interface} from '../link/interface.ts';
import {SshTunnel, type TunnelState} from '../link/ssh-tunnel.ts';
import {setTunnelRules} from '../link/tunnel-rules.ts';
import {Tunnel} from '../link/tunnel.ts';
import type {Node} from '../node/node.ts';
import type {Blueprint, InterfacePlan, TunnelEndPlan, TunnelPlan} from '../topology/blueprint.ts';
import type {Mac} from '../util/address.ts';
import type {SecureNetError} from '../util/errors.ts';
import {interfaceOf} from './build.ts';
import type {ProcessRecord} from './journal.ts';
import {tunnelGroundsOf, tunnelRulesOf} from './tunnel-rules.ts';

export type TunnelsOptions = {
	/** Where SSH tunnels keep their files. */
	readonly directory: string;
	/** Called with each program as soon as it runs. */
	readonly started: (program: ProcessRecord) => void;
	/** Called when what carries tunnels ends by itself. */
	readonly died: (error: SecureNetError) => void;
	/** Called when an SSH tunnel gained or lost its connection. */
	readonly changed: (tunnel: TunnelPlan, state: TunnelState) => void;
};

type Interfaces = ReadonlyMap<InterfacePlan, Interface>;
type SshPlan = TunnelPlan & {readonly via: 'ssh'};

export class Tunnels {
	readonly #options: TunnelsOptions;
	readonly #ssh = new Map<TunnelPlan, SshTunnel>();
	/** By node, as text: most changes of a network change no node's rules. */
	readonly #rules = new Map<string, string>();
	/** Of all rules, as far as they are in place. */
	#grounds: readonly unknown[] | undefined;
	#gre: GreEndpoint | undefined;

	constructor(options: TunnelsOptions) {
		this.#options = options;
	}

	/** Makes the devices; none of them is up. @throws KernelError */
	async makeDevices(plans: readonly TunnelPlan[], interfaces: Interfaces): Promise<void> {
		for (const plan of plans) {
			switch (plan.via) {
				case 'gre': {
					await this.#makeGre(plan, interfaces);
					break;
				}

				case 'vxlan': {
					makeVxlan(plan, interfaces);
					break;
				}

				case 'ssh': {
					for (const end of plan.ends) {
						const device = deviceOf(plan, end, interfaces);
						addTun(device.namespace, {...device, mode: plan.mode});
					}

					break;
				}
			}
		}
	}

	/**
	Makes the connections of SSH tunnels, all at once, and waits until they are there.

	@param signal interrupts the waiting
	@throws as SshTunnel.open
	*/
	async connect(plans: readonly TunnelPlan[], interfaces: Interfaces, signal?: AbortSignal): Promise<void> {
		const own = plans.filter((plan): plan is SshPlan => plan.via === 'ssh');
		if (own.length > 0) {
			mkdirSync(this.#options.directory, {recursive: true, mode: 0o700});
		}

		const outcomes = await Promise.allSettled(own.map(async plan => this.#connect(plan, interfaces, signal)));
		const failed = outcomes.find(outcome => outcome.status === 'rejected');
		if (failed) {
			throw failed.reason;
		}
	}

	/** Tells the nodes at the ends of tunnels what to do with their packets, those for whom it has changed; one that has lost its last tunnel forgets it. @throws RulesError, MachineError `missing-program` */
	async rule(blueprint: Blueprint, running: ReadonlyMap<string, Node>): Promise<void> {
		const grounds = tunnelGroundsOf(blueprint);
		if (isSame(grounds, this.#grounds)) {
			return;
		}

		this.#grounds = undefined;
		const rules = tunnelRulesOf(blueprint);
		await Promise.all([...new Set([...this.#rules.keys(), ...rules.keys()])].map(async name => {
			const [node, own = []] = [running.get(name), rules.get(name)];
			const text = own.join('\n');
			if (node && text !== (this.#rules.get(name) ?? '')) {
				await setTunnelRules(node.namespace, own);
			}

			this.#rules.set(name, text);
		}));
		this.#grounds = grounds;
	}

	/** Undefined for one that needs no connection. */
	stateOf(plan: TunnelPlan): TunnelState | undefined {
		return this.#ssh.get(plan)?.state;
	}

	/** Ends tunnels, whose nodes stay, with their devices. Those that are not there are fine. @throws KernelError */
	async remove(plans: readonly TunnelPlan[], interfaces: Interfaces): Promise<void> {
		await this.close(plans);
		for (const plan of plans) {
			const ends = plan.ends.map(end => deviceOf(plan, end, interfaces));
			if (plan.via === 'gre' && this.#gre) {
				await this.#gre.remove(...ends);
			} else if (plan.via === 'ssh') {
				for (const end of ends) {
					deleteTun(end.namespace, {name: end.name, mode: plan.mode});
				}
			} else {
				for (const end of ends) {
					using rtnetlink = new Rtnetlink(end.namespace);
					deleteLinks(rtnetlink, [end]);
					rtnetlink.flushExcept('ENODEV');
				}
			}
		}
	}

	/** Ends connections for good, and their devices. Devices of the kernel go with their namespaces. */
	async close(plans: Iterable<TunnelPlan> = this.#ssh.keys()): Promise<void> {
		await Promise.all([...plans].map(async plan => {
			const tunnel = this.#ssh.get(plan);
			this.#ssh.delete(plan);
			await tunnel?.close();
		}));
	}

	/** Ends what carries GRE. Call it last: its devices go with it. */
	async end(): Promise<void> {
		await this.#gre?.close();
		this.#gre = undefined;
	}

	async #connect(plan: SshPlan, interfaces: Interfaces, signal: AbortSignal | undefined): Promise<void> {
		const {mode, keepAlive} = plan;
		const [client, server] = plan.ends.map(end => {
			const {node, namespace, name} = interfaceOf(interfaces, end.interface);
			return {node, namespace, device: name, endpoint: end.endpoint};
		});
		if (!client || !server) {
			throw new TypeError('A tunnel has two ends.');
		}

		const {directory, started, changed} = this.#options;
		const tunnel = await SshTunnel.open({client, server, mode, directory, keepAlive, started, ...signal ? {signal} : {}});
		this.#ssh.set(plan, tunnel);
		tunnel.on('state', state => {
			changed(plan, state);
		});
	}

	async #makeGre(plan: TunnelPlan & {readonly via: 'gre'}, interfaces: Interfaces): Promise<void> {
		for (const [index, end] of plan.ends.entries()) {
			const remote = plan.ends[1 - index]?.endpoint ?? end.endpoint;
			const device = deviceOf(plan, end, interfaces);
			const tunnel = {mode: plan.mode, local: end.endpoint, remote, ttl: plan.ttl, key: plan.key};
			if (hasTunnels('gre')) {
				using rtnetlink = new Rtnetlink(device.namespace);
				addGre(rtnetlink, device, tunnel);
				rtnetlink.flush();
			} else {
				haveLocalTable(device.namespace);
				this.#gre ??= await this.#openGre();
				this.#gre.add({...tunnel, ...device});
			}
		}
	}

	async #openGre(): Promise<GreEndpoint> {
		const endpoint = await GreEndpoint.open();
		void endpoint.died.then(this.#options.died);
		return endpoint;
	}
}

function isSame(grounds: readonly unknown[], before: readonly unknown[] | undefined): boolean {
	return before?.length === grounds.length && grounds.every((each, index) => each === before[index]);
}

type Device = Pick<Interface, 'namespace' | 'name' | 'index' | 'mtu'> & {readonly mac?: Mac};

/** In a namespace that never had an address the kernel takes every one for a broadcast address, and a socket bound to it does not send from it. */
function haveLocalTable(namespace: Namespace): void {
	using rtnetlink = new Rtnetlink(namespace);
	setLinkUp(rtnetlink, {name: 'lo', index: 1}, true);
	rtnetlink.flush();
}

/** One that carries packets has no MAC. */
function deviceOf({mode}: TunnelPlan, end: TunnelEndPlan, interfaces: Interfaces): Device {
	const {namespace, name, index, mtu, mac} = interfaceOf(interfaces, end.interface);
	return {namespace, name, index, mtu, ...mode === 'layer2' ? {mac} : {}};
}

/** Each end knows all others and their MACs. */
function makeVxlan(plan: TunnelPlan & {readonly via: 'vxlan'}, interfaces: Interfaces): void {
	for (const end of plan.ends) {
		const device = deviceOf(plan, end, interfaces);
		using rtnetlink = new Rtnetlink(device.namespace);
		addVxlan(rtnetlink, device, {...plan, local: end.endpoint});
		for (const other of plan.ends.filter(each => each !== end)) {
			addVxlanPeer(rtnetlink, device.index, other.endpoint, other.interface.mac);
		}

		rtnetlink.flush();
	}
}

/** What runs of a tunnel. */
export function tunnelOf(plan: TunnelPlan, interfaces: Interfaces, nodes: ReadonlyMap<string, Node>): Tunnel {
	const ends = plan.ends.map(end => interfaceOf(interfaces, end.interface));
	return new Tunnel(plan, ends, ends.flatMap(({node}) => nodes.get(node) ?? []));
}
