/** Tunnels of the kernel's own: VXLAN, and GRE where the kernel has it. Functions queue; the caller flushes. See ip-link(8). */
import {type Address, type Mac, addressBytes, formatAddress, macBytes} from '../util/address.ts';
import {createNamespaces, deleteNamespaces} from './namespace.ts';
import {type Request, Rtnetlink, RtnetlinkError, flag, rtm} from './rtnetlink.ts';

/** Attributes of linux/if_link.h and of linux/if_tunnel.h. */
const ifla = {address: 1, name: 3, mtu: 4, linkInfo: 18, infoKind: 1, infoData: 2} as const;
const vxlan = {id: 1, local: 4, ttl: 5, learning: 7, port: 15} as const;
const gre = {inputFlags: 2, outputFlags: 3, inputKey: 4, outputKey: 5, local: 6, remote: 7, ttl: 8, pathMtu: 10} as const;
/** GRE_KEY, in network order. */
const keyFlag = Uint8Array.of(0x20, 0);
/** Attributes, flags and states of linux/neighbour.h; PF_BRIDGE names a table of MACs. */
const nda = {destination: 1, linkAddress: 2} as const;
const PF_BRIDGE = 7;
const NTF_SELF = 2;
const NUD_NOARP_PERMANENT = 0x40 | 0x80;
const NLM_F_APPEND = 0x8_00;

/** A device to be, in the namespace of the queue. */
export type TunnelLink = {
	readonly name: string;
	/** Interface index, chosen by the caller. */
	readonly index: number;
	/** Of a device that carries frames. */
	readonly mac?: Mac | undefined;
	/** Bytes. */
	readonly mtu: number;
};

/**
Where a MAC is it does not learn from what arrives, which anybody can send; see `addVxlanPeer`.
Equivalent to: `ip link add NAME type vxlan id VNI local LOCAL ttl TTL dstport PORT nolearning`
*/
export function addVxlan(rtnetlink: Rtnetlink, link: TunnelLink, {vni, local, ttl, port}: {readonly vni: number; readonly local: Address; readonly ttl: number; readonly port: number}): void {
	addDevice(rtnetlink, link, 'vxlan', request => {
		request.attribute(vxlan.id, vni).attribute(vxlan.local, addressBytes(local)).attribute(vxlan.ttl, Uint8Array.of(ttl)).attribute(vxlan.learning, Uint8Array.of(0)).attribute(vxlan.port, Uint8Array.of(port >> 8, port));
	});
}

/**
Frames for this MAC go to this endpoint, and those for everybody go there too.
Equivalent to: `bridge fdb append MAC dev NAME dst REMOTE`, and the same of 00:00:00:00:00:00
*/
export function addVxlanPeer(rtnetlink: Rtnetlink, index: number, remote: Address, mac: Mac): void {
	for (const each of [macBytes(mac), new Uint8Array(6)]) {
		addForwarding(rtnetlink, index, remote, each);
	}
}

function addForwarding(rtnetlink: Rtnetlink, index: number, remote: Address, mac: Uint8Array): void {
	rtnetlink.add(rtm.newNeighbor, flag.create | NLM_F_APPEND, {operation: 'new endpoint', object: formatAddress(remote)}, request => {
		request.fixed(12, header => {
			header[0] = PF_BRIDGE;
			header.writeInt32LE(index, 4);
			header.writeUInt16LE(NUD_NOARP_PERMANENT, 8);
			header[10] = NTF_SELF;
		});
		request.attribute(nda.destination, addressBytes(remote)).attribute(nda.linkAddress, mac);
	});
}

export type KernelGre = {
	/** `layer3` is a device of type gre, `layer2` one of type gretap. */
	readonly mode: 'layer2' | 'layer3';
	readonly local: Address;
	readonly remote: Address;
	readonly ttl: number;
	readonly key?: number | undefined;
};

/** Equivalent to: `ip link add NAME type gre|gretap local LOCAL remote REMOTE ttl TTL [key KEY]` */
export function addGre(rtnetlink: Rtnetlink, link: TunnelLink, {mode, local, remote, ttl, key}: KernelGre): void {
	addDevice(rtnetlink, link, mode === 'layer3' ? 'gre' : 'gretap', request => {
		request.attribute(gre.local, addressBytes(local)).attribute(gre.remote, addressBytes(remote)).attribute(gre.ttl, Uint8Array.of(ttl)).attribute(gre.pathMtu, Uint8Array.of(1));
		if (key !== undefined) {
			const bytes = Uint8Array.of(key >>> 24, key >> 16, key >> 8, key);
			request.attribute(gre.inputFlags, keyFlag).attribute(gre.outputFlags, keyFlag).attribute(gre.inputKey, bytes).attribute(gre.outputKey, bytes);
		}
	});
}

function addDevice(rtnetlink: Rtnetlink, {name, index, mac, mtu}: TunnelLink, kind: string, fill: (request: Request) => void): void {
	rtnetlink.add(rtm.newLink, flag.create | flag.exclusive, {operation: `new ${kind} device`, object: name}, request => {
		request.fixed(16, bytes => {
			bytes.writeInt32LE(index, 4);
		}).attribute(ifla.name, name).attribute(ifla.mtu, mtu);
		if (mac !== undefined) {
			request.attribute(ifla.address, macBytes(mac));
		}

		request.nested(ifla.linkInfo, () => {
			request.attribute(ifla.infoKind, kind).nested(ifla.infoData, () => {
				fill(request);
			});
		});
	});
}

const [local, remote] = [{family: 4, value: 0x7F_00_00_01n}, {family: 4, value: 0x7F_00_00_02n}] as const;
const probe = {name: 'probe', index: 100, mtu: 1400};

/** How each kind is asked for. */
const probes = {
	gre(rtnetlink: Rtnetlink) {
		addGre(rtnetlink, probe, {mode: 'layer3', local, remote, ttl: 255});
	},
	vxlan(rtnetlink: Rtnetlink) {
		addVxlan(rtnetlink, probe, {vni: 1, local, ttl: 64, port: 4789});
	},
};
const known = new Map<string, boolean>();

/**
Whether the kernel has tunnels of a kind, asked once by trying it in a throw-away namespace, which also makes a kernel with modules load it.

@throws KernelError when the kernel cannot be asked
*/
export function hasTunnels(kind: keyof typeof probes): boolean {
	const answer = known.get(kind) ?? tryKind(kind);
	known.set(kind, answer);
	return answer;
}

function tryKind(kind: keyof typeof probes): boolean {
	const namespaces = createNamespaces([`securenet-${kind}-${process.pid}`]);
	try {
		for (const namespace of namespaces) {
			using rtnetlink = new Rtnetlink(namespace);
			probes[kind](rtnetlink);
			rtnetlink.flush();
		}

		return true;
	} catch (error) {
		if (error instanceof RtnetlinkError && error.errno === 'ENOTSUP') {
			return false;
		}

		throw error;
	} finally {
		deleteNamespaces(namespaces);
	}
}
