/** Sends frames just as they are from a host's interface, and says which of them another host gets. */
import {setTimeout as sleep} from 'node:timers/promises';
import {PacketSocket} from '../kernel/packet-socket.ts';
import type {Network} from '../network/network.ts';
import {SecureNetError} from '../util/errors.ts';
import type {Outcome} from './outcome.ts';
import {Witness} from './witness.ts';

export type Injection = {
	/** Name of the host that sends, from its first interface. */
	readonly from: string;
	/** Name of the host that should get it, by its own MAC address or as one of everybody. */
	readonly to: string;
	/** At most 512 bytes, different behind the MAC addresses from all others that are sent at the same time. */
	readonly frame: Buffer;
};

const tries = 2;
/** Milliseconds between two looks. */
const pause = 2;
/** Bytes of the two MAC addresses: routers change them. */
const macs = 12;

type Sent = Injection & {left: boolean; arrived: boolean; trouble?: string};

/**
In the same order: `allowed` when the frame arrived, `blocked` when it left and did not, else `failed`.

@param timeout milliseconds; what has not arrived is sent again at half of that
@throws InputError `unknown-node`; SecureNetError `witness`
*/
export async function injectAll(network: Network, injections: readonly Injection[], timeout = 500): Promise<Outcome[]> {
	using wire = new Wire(network, injections);
	for (let attempt = 0; attempt < tries && !wire.isDone(); attempt++) {
		wire.send();
		const end = performance.now() + (timeout / tries);
		while (performance.now() < end && !wire.isDone()) {
			await sleep(pause);
			wire.look();
		}
	}

	return wire.outcomes();
}

class Wire implements Disposable {
	readonly #network: Network;
	readonly #all: Sent[];
	readonly #witnesses = new Map<string, Witness>();

	constructor(network: Network, injections: readonly Injection[]) {
		this.#network = network;
		this.#all = injections.map(each => ({...each, left: false, arrived: false}));
		try {
			for (const name of new Set(injections.flatMap(({from, to}) => [from, to]))) {
				this.#witnesses.set(name, new Witness(network.node(name).namespace));
			}
		} catch (error) {
			this[Symbol.dispose]();
			throw error;
		}
	}

	isDone(): boolean {
		return this.#all.every(({arrived, trouble}) => arrived || trouble !== undefined);
	}

	send(): void {
		for (const each of this.#all.filter(({arrived}) => !arrived)) {
			const {namespace, interfaces: [first]} = this.#network.node(each.from);
			if (!first) {
				throw new SecureNetError('probe', `${each.from} has no interface to send from.`);
			}

			const socket = new PacketSocket(namespace);
			const errno = socket.send(each.frame, first.index);
			socket.close();
			if (errno !== undefined) {
				each.trouble = `${each.from} could not send: ${errno}`;
			}
		}
	}

	look(): void {
		for (const [name, witness] of this.#witnesses) {
			for (const {bytes, direction} of witness.frames()) {
				for (const each of this.#all.filter(({frame}) => bytes.subarray(macs).equals(frame.subarray(macs)))) {
					each.left ||= name === each.from && direction === 'out';
					each.arrived ||= name === each.to && direction === 'in';
				}
			}
		}
	}

	outcomes(): Outcome[] {
		return this.#all.map(({from, to, left, arrived, trouble}) => arrived
			? {verdict: 'allowed', reason: `the frame reached ${to}`}
			: left && trouble === undefined
				? {verdict: 'blocked', stopped: 'request', reason: `the frame left ${from} and did not reach ${to}`}
				: {verdict: 'failed', reason: trouble ?? `the frame was not seen to leave ${from}`});
	}

	[Symbol.dispose](): void {
		this.#witnesses.forEach(witness => {
			witness.close();
		});
	}
}
