/** GRE tunnels on a kernel that has none: devices in namespaces, whose packets a thread of this process carries. RFC 2784, RFC 2890. */
import {close as closeLater, writeSync} from 'node:fs';
import {promisify} from 'node:util';
import {type Address, type Mac, formatAddress, sameAddress} from '../util/address.ts';
import {InputError, KernelError, SecureNetError, messageOf} from '../util/errors.ts';
import type {GreOrder, GreReport} from './gre-carrier.ts';
import {openGreSocket, ttlMessage} from './gre-socket.ts';
import {startGreThread} from './gre-thread.ts';
import {socketAddress} from './icmp.ts';
import type {Namespace} from './namespace.ts';
import {close, eventFd} from './syscall.ts';
import {openTun} from './tun.ts';

/** Which tunnel of all. */
export type GreName = {
	readonly namespace: Namespace;
	/** Of its device. */
	readonly name: string;
};

export type GreTunnel = GreName & {
	/** Index of its device; without one the kernel chooses. */
	readonly index?: number | undefined;
	/** `layer3` carries IP packets, `layer2` Ethernet frames (transparent Ethernet bridging). */
	readonly mode: 'layer3' | 'layer2';
	/** Addresses of the underlay, of one family. */
	readonly local: Address;
	readonly remote: Address;
	/** 32 bits. A tunnel with a key takes only packets with that key, one without only packets without. */
	readonly key?: number | undefined;
	/** Of the outer header, 1 to 255. */
	readonly ttl: number;
	/** Of the device, layer 2 only; without one it is random. */
	readonly mac?: Mac | undefined;
	/** Bytes of the longest packet, or of the longest content of a frame. */
	readonly mtu: number;
};

/** A tunnel with its descriptors. */
type Carried = GreTunnel & {
	readonly device: number;
	readonly socket: number;
	/** To be called when the thread has let go of it. */
	readonly leave: () => void;
	/** Resolves when its device is gone. */
	readonly left: Promise<void>;
};

/** Eight bytes, as an eventfd wants them. */
const ring = new Uint8Array(BigUint64Array.of(1n).buffer);
/** In the thread pool: taking a device away takes the kernel some 20 ms. */
const closeElsewhere = promisify(closeLater);

/** Carries any number of tunnels. All end with the process, however it ends. */
export class GreEndpoint {
	/** Resolves when the thread has ended without being told to: no tunnel carries anything any more, and their devices are gone. */
	readonly died: Promise<SecureNetError>;
	readonly #bell = eventFd();
	readonly #worker = startGreThread(this.#bell);
	readonly #ended: Promise<void>;
	readonly #tunnels = new Map<number, Carried>();
	#count = 0;
	/** Callers that wait for the thread. */
	#waiting = 0;
	#closing: Promise<void> | undefined;
	/** Why there is no thread any more. */
	#death: SecureNetError | undefined;
	#isEnded = false;
	readonly #atExit = () => {
		this.#tell('end');
	};

	private constructor() {
		let reason = 'it ended by itself';
		this.#worker.on('error', error => {
			reason = messageOf(error);
		});
		this.#worker.on('message', (report: GreReport) => {
			if (report !== 'runs') {
				this.#tunnels.get(report.removed)?.leave();
			}
		});
		this.#ended = new Promise(resolve => {
			this.#worker.once('exit', () => {
				this.#isEnded = true;
				this.#tunnels.forEach(({leave}) => {
					leave();
				});
				resolve();
			});
		});
		this.died = new Promise(resolve => {
			this.#worker.once('exit', () => {
				if (!this.#closing) {
					this.#death = new SecureNetError('gre', `The thread that carries GRE tunnels has ended: ${reason}. Take the lab down and up again.`);
					resolve(this.#death);
				}
			});
		});
		process.once('exit', this.#atExit);
	}

	/** @throws SecureNetError `gre` when the thread does not start */
	static async open(): Promise<GreEndpoint> {
		const endpoint = new GreEndpoint();
		// Its first message is that it runs.
		const started = new Promise<undefined>(resolve => {
			endpoint.#worker.once('message', () => {
				resolve(undefined);
			});
		});
		const failure = await Promise.race([started, endpoint.died]);
		if (failure) {
			await endpoint.close();
			throw failure;
		}

		// Whoever has nothing else to do may end.
		endpoint.#worker.unref();
		return endpoint;
	}

	/**
	Makes the device of a tunnel, which is down, and carries its packets. The underlay may be missing, now and at any time: then packets are lost.
	Equivalent to: `ip link add NAME type gre|gretap local LOCAL remote REMOTE [key KEY] ttl TTL`

	@throws KernelError such as EEXIST for a second tunnel between the same addresses with the same key and mode; InputError when the addresses are of two families; SecureNetError `gre` once the thread has died
	*/
	add(tunnel: GreTunnel): void {
		if (this.#death) {
			throw this.#death;
		}

		this.#check(tunnel);
		const device = openTun(tunnel.namespace, {...tunnel, offload: true});
		try {
			this.#carry(tunnel, device, this.#socketFor(tunnel));
		} catch (error) {
			close(device);
			throw error;
		}
	}

	/**
	Takes tunnels and their devices away. Those that are not there are fine.
	Equivalent to: `ip link delete NAME`, once a name
	*/
	async remove(...names: readonly GreName[]): Promise<void> {
		const doomed = [...this.#tunnels].filter(([, tunnel]) => names.some(({namespace, name}) => tunnel.namespace === namespace && tunnel.name === name));
		for (const [number] of doomed) {
			this.#tell({remove: number});
		}

		await this.#wait(Promise.all(doomed.map(async ([, {left}]) => left)));
	}

	/** Ends the thread and takes all devices away. Twice is fine. */
	async close(): Promise<void> {
		this.#closing ??= this.#close();
		await this.#closing;
	}

	async #close(): Promise<void> {
		const leaving = [...this.#tunnels.values()].map(async ({left}) => left);
		this.#tell('end');
		await this.#wait(this.#ended);
		await Promise.all(leaving);
		process.off('exit', this.#atExit);
		close(this.#bell);
	}

	#check({namespace, name, mode, local, remote, key}: GreTunnel): void {
		if (local.family !== remote.family) {
			throw new InputError('gre', `The tunnel ${name} goes from ${formatAddress(local)} to ${formatAddress(remote)}. Give it two addresses of one family.`);
		}

		for (const other of this.#tunnels.values()) {
			if (other.namespace === namespace && other.mode === mode && other.key === key && sameAddress(other.local, local) && sameAddress(other.remote, remote)) {
				throw new KernelError('new GRE tunnel', 'EEXIST', name, {place: namespace.name, reason: `${other.name} has the same addresses, mode and key`});
			}
		}
	}

	/** Each socket of an address gets all that comes to the address, so there is one. */
	#socketFor({namespace, local}: GreTunnel): number {
		const neighbor = [...this.#tunnels.values()].find(other => other.namespace === namespace && sameAddress(other.local, local));
		return neighbor?.socket ?? openGreSocket(namespace, local);
	}

	#carry(tunnel: GreTunnel, device: number, socket: number): void {
		const number = this.#count++;
		let leave: () => void = () => undefined;
		const left = new Promise<void>(resolve => {
			leave = resolve;
		}).then(async () => this.#release(number));
		this.#tunnels.set(number, {...tunnel, device, socket, leave, left});
		const {mode, key = -1, remote, ttl} = tunnel;
		this.#tell({add: {number, device, socket, layer3: mode === 'layer3', key, remote: socketAddress(remote), control: ttlMessage(ttl, remote.family)}});
	}

	async #release(number: number): Promise<void> {
		const tunnel = this.#tunnels.get(number);
		this.#tunnels.delete(number);
		if (!tunnel) {
			return;
		}

		const isShared = [...this.#tunnels.values()].some(({socket}) => socket === tunnel.socket);
		await Promise.all([tunnel.device, ...isShared ? [] : [tunnel.socket]].map(async fd => closeElsewhere(fd)));
	}

	/** A thread that has ended has let go of all tunnels: there is nothing to tell it. */
	#tell(order: GreOrder): void {
		if (this.#isEnded) {
			return;
		}

		this.#worker.postMessage(order);
		writeSync(this.#bell, ring);
	}

	/** Keeps the process for as long. */
	async #wait(event: Promise<unknown>): Promise<void> {
		this.#waiting++;
		this.#worker.ref();
		await event;
		this.#waiting--;
		if (this.#waiting === 0) {
			this.#worker.unref();
		}
	}
}
