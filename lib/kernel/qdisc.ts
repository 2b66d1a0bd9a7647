/** Queueing disciplines: netem at the root of an interface, which shapes what the interface sends. Functions queue; the caller flushes. See tc-netem(8). */
import {createNamespaces, deleteNamespaces} from './namespace.ts';
import {type Request, Rtnetlink, RtnetlinkError, flag, rtm} from './rtnetlink.ts';

/** Attributes and values of linux/rtnetlink.h and linux/pkt_sched.h. */
const tca = {kind: 1, options: 2} as const;
const tcaNetem = {rate: 6, rate64: 8, latency64: 10, jitter64: 11} as const;
const TC_H_ROOT = 0xFF_FF_FF_FF;
/** Bytes of struct tcmsg, struct tc_netem_qopt and struct tc_netem_rate. */
const headerLength = 20;
const optionsLength = 24;
const rateLength = 16;
const uint32 = 0xFF_FF_FF_FF;
/** Every namespace has it, as number 1. */
const loopback = {name: 'lo', index: 1} as const;

/** The operation that errors name; ENOENT then means that there was none. */
export const qdiscDeletion = 'delete qdisc of';

export type Netem = {
	/** Nanoseconds. */
	readonly latency: bigint;
	/** Nanoseconds, at most INT_MAX; the latency varies by it up and down. */
	readonly jitter: bigint;
	/** Share of packets dropped at random, 0 to 1. */
	readonly loss: number;
	/** Bytes a second, headers of the link included; 0: no limit. */
	readonly rate: bigint;
	/** Packets held, those under way and those that wait. */
	readonly limit: number;
};

/**
Takes the place of what is there, packets included: those of an older netem would leave at its pace, seconds later, and hold up all that
come after them. A handle of its own makes it a new one even where a netem stands.
Equivalent to: `tc qdisc delete dev NAME root; tc qdisc add dev NAME root netem limit N delay LATENCY JITTER loss P rate R`
*/
export function setNetem(rtnetlink: Rtnetlink, {name, index}: {name: string; index: number}, netem: Netem): void {
	rtnetlink.add(rtm.newQdisc, flag.create | flag.replace, {operation: 'set netem of', object: name}, request => {
		rootHeader(request, index, freshHandle()).attribute(tca.kind, 'netem').nested(tca.options, () => {
			netemOptions(request, netem);
		});
	});
}

/** Gives an interface the queue it was made with; what the other one holds is lost. Equivalent to: `tc qdisc delete dev NAME root` */
export function deleteQdisc(rtnetlink: Rtnetlink, {name, index}: {name: string; index: number}): void {
	rtnetlink.add(rtm.deleteQdisc, 0, {operation: qdiscDeletion, object: name}, request => {
		rootHeader(request, index);
	});
}

/** Fills struct tcmsg; handle 0 is any. */
function rootHeader(request: Request, index: number, handle = 0): Request {
	return request.fixed(headerLength, bytes => {
		bytes.writeInt32LE(index, 4);
		bytes.writeUInt32LE(handle, 8);
		bytes.writeUInt32LE(TC_H_ROOT, 12);
	});
}

let lastMajor = 0;

/** A major number that no qdisc of the interface has: the kernel's own begin at 0x8000. */
function freshHandle(): number {
	lastMajor = (lastMajor % 0x7F_FF) + 1;
	return lastMajor * 0x1_00_00;
}

/** The struct has 32 bits for ticks of 64 ns, which 64-bit attributes go before. All of them are given, whatever they were. */
function netemOptions(request: Request, {latency, jitter, loss, rate, limit}: Netem): void {
	request.fixed(optionsLength, bytes => {
		bytes.writeUInt32LE(limit, 4);
		bytes.writeUInt32LE(Math.round(loss * uint32), 8);
	});
	request.attribute(tcaNetem.latency64, bytesOf(latency)).attribute(tcaNetem.jitter64, bytesOf(jitter));
	request.attribute(tcaNetem.rate64, bytesOf(rate)).attribute(tcaNetem.rate, rateStruct(rate));
}

/** Of the two rates the kernel takes the larger one. */
function rateStruct(rate: bigint): Buffer {
	const bytes = Buffer.alloc(rateLength);
	bytes.writeUInt32LE(rate > uint32 ? uint32 : Number(rate));
	return bytes;
}

function bytesOf(value: bigint): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeBigInt64LE(value);
	return bytes;
}

let isKnown = false;

/**
Whether the kernel has netem, asked by trying it in a throw-away namespace, which also makes a kernel with modules load it.

@throws KernelError when the kernel cannot be asked
*/
export function hasNetem(): boolean {
	isKnown ||= tryNetem();
	return isKnown;
}

function tryNetem(): boolean {
	const namespaces = createNamespaces([`securenet-netem-${process.pid}`]);
	try {
		for (const namespace of namespaces) {
			using rtnetlink = new Rtnetlink(namespace);
			setNetem(rtnetlink, loopback, {latency: 0n, jitter: 0n, loss: 0, rate: 0n, limit: 1});
			rtnetlink.flush();
		}

		return true;
	} catch (error) {
		if (error instanceof RtnetlinkError && error.errno === 'ENOENT') {
			return false;
		}

		throw error;
	} finally {
		deleteNamespaces(namespaces);
	}
}
