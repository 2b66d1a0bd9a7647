/** A tunnel that runs: two interfaces or more, of which each sends what it is given to the others over the network between their endpoints. */
import {type Carrier, carrierOf} from '../kernel/carrier.ts';
import {setLinkUp} from '../kernel/link.ts';
import {type LinkCounters, linkCounters} from '../kernel/link-counters.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import type {TunnelPlan} from '../topology/blueprint.ts';
import type {Interface} from './interface.ts';
import type {LinkOwner} from './link.ts';

export class Tunnel {
	readonly plan: TunnelPlan;
	/** In the order of the plan. */
	readonly ends: readonly Interface[];
	readonly #owners: readonly LinkOwner[];

	constructor(plan: TunnelPlan, ends: readonly Interface[], owners: readonly LinkOwner[]) {
		this.plan = plan;
		this.ends = ends;
		this.#owners = owners;
	}

	/** Of the first end that does not say `up`. An SSH tunnel without a connection has no carrier; of the others nobody knows whether the other end hears. */
	get carrier(): Carrier {
		return this.ends.map(({namespace, name}) => carrierOf(namespace, name)).find(carrier => carrier !== 'up') ?? 'up';
	}

	/** Of each end, in their order; undefined for one that is gone. */
	get counters(): ReadonlyArray<LinkCounters | undefined> {
		return this.ends.map(({namespace, index}) => linkCounters(namespace).get(index));
	}

	/** Sets all ends down: one alone would not know of the other. Addresses stay. @throws KernelError */
	down(): void {
		for (const [index, end] of this.ends.entries()) {
			this.#owners[index]?.remember(end);
		}

		this.#set(false);
	}

	/** @throws KernelError */
	up(): void {
		this.#set(true);
		for (const [index, end] of this.ends.entries()) {
			this.#owners[index]?.restore(end);
		}
	}

	#set(up: boolean): void {
		for (const end of this.ends) {
			using rtnetlink = new Rtnetlink(end.namespace);
			setLinkUp(rtnetlink, end, up);
			rtnetlink.flush();
		}
	}
}
