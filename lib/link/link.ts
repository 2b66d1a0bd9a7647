/** A link between two interfaces: a veth pair that can be taken down and up, and shaped, while the lab runs. */
import {type Carrier, carrierOf} from '../kernel/carrier.ts';
import {setLinkUp} from '../kernel/link.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import {type Shaping, isShaped} from '../topology/shaping.ts';
import type {ShapingOptions} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {Interface} from './interface.ts';
import {shapeEnds} from './shaping.ts';
import {shapeTogether} from './shape-together.ts';

/** What a link asks of the node behind an end; nodes satisfy it. */
export type LinkOwner = {
	readonly kind: 'host' | 'router' | 'switch' | 'bridge';
	/** Notes what the kernel forgets of an interface that goes down: its routes. */
	remember(end: Interface): void;
	/** Puts it back. */
	restore(end: Interface): void;
};

export class Link {
	readonly ends: readonly [Interface, Interface];
	readonly #owners: readonly [LinkOwner, LinkOwner];
	readonly #shaping: [Shaping, Shaping];

	constructor(ends: readonly [Interface, Interface], owners: readonly [LinkOwner, LinkOwner]) {
		this.ends = ends;
		this.#owners = owners;
		this.#shaping = [ends[0].shaping ?? {}, ends[1].shaping ?? {}];
	}

	/** As the kernel says it of the end that `down` takes: `no carrier` when the other end was set down, from inside its node. */
	get carrier(): Carrier {
		const {namespace, name} = this.ends[this.#switchableEnd];
		return carrierOf(namespace, name);
	}

	/** Takes the carrier away from both ends. Addresses stay. @throws KernelError */
	down(): void {
		this.#owners[this.#switchableEnd].remember(this.ends[this.#switchableEnd]);
		this.#set(false);
	}

	/** @throws KernelError */
	up(): void {
		this.#set(true);
		this.#owners[this.#switchableEnd].restore(this.ends[this.#switchableEnd]);
	}

	/** What is done to the frames that each end sends, in the order of `ends`. */
	get shaping(): readonly [Shaping, Shaping] {
		return [this.#shaping[0], this.#shaping[1]];
	}

	/**
	Shapes what is sent from now on; what the link holds at this moment is lost. What the options leave out is no longer shaped; no option at all means as fast as it can.

	@param options such as `{rate: '10mbit', delay: '15ms'}`
	@param from name of the node whose frames are meant; default: both directions
	@throws InputError `shaping`, `no-end`; MachineError when the kernel lacks netem; KernelError
	*/
	async shape(options: ShapingOptions, from?: string): Promise<void> {
		await shapeTogether([this], options, from);
	}

	/** Its shaping with another one for what a node sends. @param from default: both @throws InputError `no-end` */
	shapingWith(shaping: Shaping, from: string | undefined): readonly [Shaping, Shaping] {
		const [a, b] = this.ends.map(end => from === undefined || end.node === from) as [boolean, boolean];
		if (!a && !b) {
			throw new InputError('no-end', `${printable(from ?? '')} is no end of link ${this.words}.`, {expected: this.ends.map(({node}) => node)});
		}

		return [a ? shaping : this.#shaping[0], b ? shaping : this.#shaping[1]];
	}

	/** Ends whose shaping is the very same object are left alone. @throws KernelError */
	reshape(shaping: readonly [Shaping, Shaping]): void {
		for (const side of [0, 1] as const) {
			const [before, after] = [this.#shaping[side], shaping[side]];
			if (after !== before && (isShaped(after) || isShaped(before))) {
				shapeEnds([{...this.ends[side], shaping: after}]);
			}

			this.#shaping[side] = after;
		}
	}

	/** Such as `h1 - s1`. */
	get words(): string {
		return this.ends.map(({node}) => node).join(' - ');
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
