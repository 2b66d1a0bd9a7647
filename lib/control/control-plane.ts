/** What a control plane is: it hears who joined and left which edge router, and sees to it that all the others know the way there. */
import type {NeighborState} from '../services/gobgp-neighbor.ts';
import type {BgpPath} from '../services/gobgp-path.ts';
import type {ControlKind} from '../topology/specs.ts';
import {type Address, type Prefix, prefixOf} from '../util/address.ts';
import type {SecureNetError} from '../util/errors.ts';

/** One of several hosts that come to edge routers together. */
export type Joining = {readonly host: string; readonly router: string};

/** A host at an edge router. */
export type Place = {
	readonly host: string;
	readonly router: string;
	/** Name of the router's interface that leads to the host. */
	readonly interface: string;
	/** Those of the host that others reach it by. */
	readonly addresses: readonly Address[];
};

export type Join = Place & {
	/** The edge router that it was at before: it moved. */
	readonly from?: string;
	/** Where it was there: others may know ways to addresses that it does not have any more. */
	readonly before?: Place;
};

/** `down`: what spoke for it has ended and is started again; the others know no way to its hosts. */
export type RouterChange = {readonly router: string; readonly change: 'added' | 'removed' | 'down' | 'up'; readonly error?: SecureNetError};

/** All that a control plane is told, and all that anybody needs who wants to be one: `lab.on('join', …)`. */
export type EdgeEvents = {
	join: [Join];
	leave: [Place];
	router: [RouterChange];
};

export type ControlPlane = {
	readonly kind: ControlKind;
	/** Resolves when all that it was told of has been passed on, or somebody whom it is passed on to has said nothing for 2 s: who is silent hears it later, and nobody waits for that. @throws SecureNetError when something of it failed, once: who waits later is not told of it again */
	settled(): Promise<void>;
	/**
	Resolves when routers that came since it was last asked, or were linked, can tell each other things, or have not managed to in time, which is told of as a failure: they go on trying.

	@throws SecureNetError `interrupted`
	*/
	ready(signal?: AbortSignal): Promise<void>;
	/** @throws InputError `no-bgp` when it has none */
	neighbors(router: string): Promise<NeighborState[]>;
	/** All paths that the router knows, the best ones marked. */
	rib(router: string): Promise<BgpPath[]>;
	/** Twice is fine. */
	down(): Promise<void>;
};

/** The routes to a host: of its addresses alone. */
export function prefixesOf({addresses}: Pick<Place, 'addresses'>): Prefix[] {
	return addresses.map(prefixOf);
}
