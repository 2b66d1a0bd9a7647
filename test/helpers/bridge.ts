/** A Linux bridge with hosts on it, for tests of what its ports let through on a real kernel. */
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {PacketSocket} from '../../lib/kernel/packet-socket.ts';
import {run} from '../../lib/kernel/process.ts';
import {macFromNumber} from '../../lib/util/address.ts';
import {testNamespaces} from './fabric.ts';
import {quietFor} from './quiet.ts';

export type BridgeScene = {
	readonly fabric: Namespace;
	/** Host behind port N: MAC of number N, eth0 with 10.0.0.N/24 and fd00::N/64 unless it is mute. */
	readonly host: (port: number) => Namespace;
	readonly down: () => void;
};

type BridgeOptions = {
	readonly bridge?: string;
	/** Hosts have no addresses and answer nothing; the bridge learns nothing, so it floods what may pass. */
	readonly mute?: boolean;
	/** Another scene's, for a second bridge. */
	readonly fabric?: Namespace;
};

export async function buildBridge(ports: readonly number[], {bridge = 's1', mute = false, fabric: given}: BridgeOptions = {}): Promise<BridgeScene> {
	const [fabric, ...hosts] = [...given ? [given] : testNamespaces('fabric'), ...testNamespaces(...ports.map(port => `h${port}`))] as [Namespace, ...Namespace[]];
	const down = () => {
		deleteNamespaces(given ? hosts : [fabric, ...hosts]);
	};
	try {
		await run(['ip', 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0'], {namespace: fabric});
		for (const [index, port] of ports.entries()) {
			await addHost(fabric, hosts[index] as Namespace, {bridge, port, mute});
		}

		await run(['ip', 'link', 'set', bridge, 'up'], {namespace: fabric});
		return {fabric, host: port => hosts[ports.indexOf(port)] as Namespace, down};
	} catch (error) {
		// A hook that fails has no context to take down.
		down();
		throw error;
	}
}

async function addHost(fabric: Namespace, host: Namespace, {bridge, port, mute}: {readonly bridge: string; readonly port: number; readonly mute: boolean}): Promise<void> {
	const name = `${bridge}-eth${port}`;
	await run(['sysctl', '-qw', 'net.ipv4.icmp_ratemask=0', 'net.ipv6.icmp.ratemask=0', `net.ipv6.conf.default.disable_ipv6=${Number(mute)}`], {namespace: host});
	await run(['ip', 'link', 'add', name, 'master', bridge, 'type', 'veth', 'peer', 'name', 'eth0', 'address', macFromNumber(port), 'netns', host.name], {namespace: fabric});
	await batch(host, ['link set lo up', 'link set eth0 up', ...mute ? [] : [`address add 10.0.0.${port}/24 dev eth0`, `address add fd00::${port}/64 dev eth0 nodad`]]);
	await batch(fabric, [`link set ${name} up`, ...mute ? [`link set ${name} type bridge_slave learning off`] : []]);
}

async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
	await run(['ip', '-batch', '-'], {namespace, input: lines.map(line => `${line}\n`).join('')});
}

/** Index of eth0 in a namespace whose first link is lo. */
const eth0 = 2;
/** Milliseconds on a quiet machine; a veth pair hands a frame over before the send returns, mostly. */
const underway = 30;

/** Sends frames from ports and says by which others they leave. */
export class Wire implements Disposable {
	readonly #sockets: ReadonlyMap<number, PacketSocket>;

	constructor({host}: BridgeScene, ports: readonly number[]) {
		this.#sockets = new Map(ports.map(port => [port, new PacketSocket(host(port))]));
	}

	/** @param frames several fragments of one packet, or a single frame */
	async leaves(from: number, ...frames: readonly Buffer[]): Promise<number[]> {
		this.#look();
		for (const frame of frames) {
			const failure = this.#sockets.get(from)?.send(frame, eth0);
			if (failure !== undefined) {
				throw new Error(`the frame did not leave port ${from}: ${failure}`);
			}
		}

		// To whom a frame goes is the question, so that it may come to nobody.
		await quietFor(underway);
		const seen = this.#look();
		return [...seen].filter(([port, got]) => port !== from && frames.every(frame => got.some(bytes => bytes.equals(frame) || bytes.equals(withoutTag(frame))))).map(([port]) => port);
	}

	/** What has come to each port since the last look. */
	#look(): Map<number, Buffer[]> {
		return new Map([...this.#sockets].map(([port, socket]) => {
			const got: Buffer[] = [];
			for (let frame = socket.receive(); frame; frame = socket.receive()) {
				if (frame.direction !== 'out') {
					got.push(Buffer.from(frame.bytes));
				}
			}

			return [port, got];
		}));
	}

	[Symbol.dispose](): void {
		this.#sockets.forEach(socket => {
			socket.close();
		});
	}
}

/** As a packet socket gets a tagged frame: the outermost tag is told beside it. */
function withoutTag(frame: Buffer): Buffer {
	return Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]);
}
