/** Veth pairs that come and go while the network runs. */
import {addVeth, deleteLinks} from '../kernel/link.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {type Request, Rtnetlink, RtnetlinkError} from '../kernel/rtnetlink.ts';
import type {Interface} from '../link/interface.ts';

/** The two ends of a link. */
export type Pair = readonly [Interface, Interface];

/**
Makes pairs that carry nothing yet: the end in the fabric is down, and no port of anything.

@throws RtnetlinkError, after which none is left
*/
export function createPairs(pairs: readonly Pair[], fabric: Namespace, request?: Request): void {
	const ordered = pairs.map(([a, b]): Pair => a.namespace === fabric ? [b, a] : [a, b]);
	using rtnetlink = new Rtnetlink(fabric, request);
	for (const [near, far] of ordered) {
		addVeth(rtnetlink, [{...near, master: undefined}, far]);
	}

	try {
		rtnetlink.flush();
	} catch (error) {
		const failed = new Set(error instanceof RtnetlinkError ? error.failures.map(({object}) => object) : []);
		deletePairs(ordered.filter(([near, far]) => !failed.has(`${near.name} – ${far.name}`)), fabric);
		throw error;
	}
}

/** One batch a namespace. A pair that is gone is fine: somebody deleted it by hand. @throws RtnetlinkError */
export function deletePairs(pairs: readonly Pair[], fabric: Namespace): void {
	const ends = pairs.map(([a, b]) => b.namespace === fabric ? b : a);
	for (const namespace of new Set(ends.map(end => end.namespace))) {
		using rtnetlink = new Rtnetlink(namespace);
		deleteLinks(rtnetlink, ends.filter(end => end.namespace === namespace));
		rtnetlink.flushExcept('ENODEV');
	}
}
