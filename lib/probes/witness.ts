/** Sees every packet that leaves or reaches a host, on the wire, before any program of it does. */
import {InetSocket} from '../kernel/inet-socket.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {PacketSocket} from '../kernel/packet-socket.ts';
import {parseAddress} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {type Seen, readFrame, readPacket} from './seen.ts';

/** What is sent to oneself is not judged by anybody; it says that the witness is awake. */
const self = {address: parseAddress('127.0.0.1'), port: 9};
const loopback = 1;
/** Frames looked at before others get their turn. */
const most = 256;

export type Sight = Seen & {readonly direction: 'in' | 'out'};

export class Witness implements Disposable {
	readonly #socket: PacketSocket;

	/** @throws SecureNetError `witness` when it does not see what surely happens */
	constructor(namespace: Namespace) {
		this.#socket = new PacketSocket(namespace);
		try {
			this.#prove(namespace);
		} catch (error) {
			this.close();
			throw error;
		}
	}

	/** Readable when there is something to see. */
	get fd(): number {
		return this.#socket.fd;
	}

	/** Whole frames that came to this host's MAC address or to everybody, since the last look. */
	*frames(): Generator<{readonly bytes: Buffer; readonly direction: 'in' | 'out'; readonly isEthernet: boolean}> {
		for (let count = 0; count < most; count++) {
			const frame = this.#socket.receive();
			if (!frame) {
				return;
			}

			const {bytes, direction, interface: index, isEthernet} = frame;
			if (direction !== 'others' && index !== loopback) {
				yield {bytes, direction, isEthernet};
			}
		}
	}

	/** The same, as far as probes are concerned. */
	*sights(): Generator<Sight> {
		for (const {bytes, direction, isEthernet} of this.frames()) {
			const seen = isEthernet ? readFrame(bytes) : readPacket(bytes);
			if (seen) {
				yield {...seen, direction};
			}
		}
	}

	close(): void {
		this.#socket.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	/** A packet socket gets a copy while the sender still sends, so that there is nothing to wait for. */
	#prove(namespace: Namespace): void {
		const sender = InetSocket.open(namespace, 4, 'datagram');
		const refusal = sender.sendTo(Buffer.from('securenet'), self);
		sender.close();
		for (let frame = this.#socket.receive(); refusal === undefined; frame = this.#socket.receive()) {
			if (frame?.interface === loopback) {
				return;
			}

			if (!frame) {
				throw new SecureNetError('witness', `Packets cannot be watched in ${namespace.name}: one that surely was sent was not seen.`);
			}
		}
	}
}
