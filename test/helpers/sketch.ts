/** A topology from a function, for tests that need many small ones. */
import {Topology} from '../../lib/topology/topology.ts';
import type {Settings} from '../../lib/topology/specs.ts';

class Sketch extends Topology {
	override readonly settings: Settings;
	readonly #draw: (topology: Topology) => void;

	constructor(draw: (topology: Topology) => void, settings: Settings) {
		super();
		this.settings = settings;
		this.#draw = draw;
	}

	override build(): void {
		this.#draw(this);
	}
}

export function sketch(draw: (topology: Topology) => void, settings: Settings = {}): Topology {
	return new Sketch(draw, settings);
}
