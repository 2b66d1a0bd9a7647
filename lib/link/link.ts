/** A link between two interfaces: a veth pair that can be taken down and up while the lab runs. */
import {type Carrier, carrierOf} from '../kernel/carrier.ts';
import {setLinkUp} from '../kernel/link.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import type {Interface} from './interface.ts';

/** What a link asks of the node behind an end; nodes satisfy it. */
export type LinkOwner = {
	readonly kind: 'host' | 'router' | 'switch' | 'bridge';
	/** Puts back what the kernel forgets of an interface that goes down: its routes. */
	restore(end: Interface): void;
};

export class Link {
	readonly ends: readonly [Interface, Interface];
	readonly #owners: readonly [LinkOwner, LinkOwner];

	constructor(ends: readonly [Interface, Interface], owners: readonly [LinkOwner, LinkOwner]) {
		this.ends = ends;
		this.#owners = owners;
	}

	/** As the kernel says it of the end that `down` takes: `no carrier` when the other end was set down, from inside its node. */
	get carrier(): Carrier {
		const {namespace, name} = this.ends[this.#switchableEnd];
		return carrierOf(namespace, name);
	}

	/** Takes the carrier away from both ends. Addresses stay. @throws KernelError */
	down(): void {
		this.#set(false);
	}

	/** @throws KernelError */
	up(): void {
		this.#set(true);
		this.#owners[this.#switchableEnd].restore(this.ends[this.#switchableEnd]);
	}

	/**
	One end is enough: the other one loses its carrier with it. A switch's end has no addresses and routes that could be
	lost, so that one is taken where there is one.
	*/
	get #switchableEnd(): 0 | 1 {
		return ['switch', 'bridge'].includes(this.#owners[0].kind) ? 0 : 1;
	}

	#set(up: boolean): void {
		const end = this.ends[this.#switchableEnd];
		using rtnetlink = new Rtnetlink(end.namespace);
		setLinkUp(rtnetlink, end, up);
		rtnetlink.flush();
	}
}
