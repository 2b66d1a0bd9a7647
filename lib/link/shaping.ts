/** Shaping made real: one netem at the root of each shaped end, whose limit holds what is under way and what waits. */
import {capabilities} from '../kernel/capabilities.ts';
import {type Netem, deleteQdisc, hasNetem, qdiscDeletion, setNetem} from '../kernel/qdisc.ts';
import {Rtnetlink, RtnetlinkError} from '../kernel/rtnetlink.ts';
import {type Shaping, isShaped} from '../topology/shaping.ts';
import {MachineError} from '../util/errors.ts';
import type {Interface} from './interface.ts';

/** Frames that wait for a rate when nobody says how many: as many as an Ethernet interface holds (txqueuelen). */
const defaultQueue = 1000;
/** Bytes of an Ethernet header. */
const frameHeader = 14;
/** Bits a second that a link without a rate is taken to carry: more than one core forwards. */
const fastest = 1e10;
/** Frames under way on a long and fast line; above it memory is what runs out. */
const mostUnderWay = 100_000;
const nanosecondsInMillisecond = 1e6;

/** An end and what it shall do; without shaping it sends as fast as it can. */
export type ShapedEnd = Pick<Interface, 'namespace' | 'name' | 'index' | 'mtu' | 'shaping'>;

/**
Shapes what the ends send. A port of Open vSwitch must be one already: a switch that takes an interface removes the qdisc it finds there.

@throws KernelError
*/
export function shapeEnds(ends: readonly ShapedEnd[]): void {
	for (const namespace of new Set(ends.map(end => end.namespace))) {
		using rtnetlink = new Rtnetlink(namespace);
		for (const end of ends.filter(each => each.namespace === namespace)) {
			if (isShaped(end.shaping)) {
				setNetem(rtnetlink, end, netemOf(end.shaping, end.mtu));
			} else {
				deleteQdisc(rtnetlink, end);
			}
		}

		flush(rtnetlink);
	}
}

/** That no qdisc is there to be deleted is fine: somebody did it by hand. */
function flush(rtnetlink: Rtnetlink): void {
	try {
		rtnetlink.flush();
	} catch (error) {
		const isHarmless = error instanceof RtnetlinkError && error.failures.every(({operation, errno}) => operation === qdiscDeletion && errno === 'ENOENT');
		if (!isHarmless) {
			throw error;
		}
	}
}

/**
Packets are counted as full frames, as many as the delay holds at this rate, and those that wait. So the line itself loses nothing
of a stream that keeps to the rate, however long it is.
*/
export function netemOf({rate, delay = 0, jitter = 0, loss = 0, queue = defaultQueue}: Shaping, mtu: number): Netem {
	const frameBits = 8 * (mtu + frameHeader);
	const underWay = Math.ceil((rate ?? fastest) / frameBits * (delay + jitter) / 1000);
	return {
		latency: nanoseconds(delay),
		jitter: nanoseconds(jitter),
		loss: loss / 100,
		rate: BigInt(Math.round((rate ?? 0) / 8)),
		limit: queue + Math.min(underWay, mostUnderWay),
	};
}

function nanoseconds(ms: number): bigint {
	return BigInt(Math.round(ms * nanosecondsInMillisecond));
}

/**
Refuses to shape what this kernel cannot. Costs a millisecond the first time, nothing later.

@param what the link that asks for it, such as `h1 - s1`
@throws MachineError `machine`
*/
export async function requireShaping(what: string): Promise<void> {
	if (!hasNetem()) {
		const netem = (await capabilities()).find(({name}) => name === 'netem');
		throw new MachineError('machine', `Link ${what} cannot be shaped. ${netem?.detail ?? ''} ${netem?.cure ?? ''}`.trimEnd());
	}
}
