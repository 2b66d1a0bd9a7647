/** The time that passes in a round of probes: what a busy machine takes from this process, and then mostly from the switches too, makes nobody late. */

/** Milliseconds that a turn counts for, at most. */
const longestTurn = 50;

export class RoundClock {
	#now = 0;
	#turned = performance.now();

	/** Milliseconds, as of when the current turn began. */
	get now(): number {
		return this.#now;
	}

	/** Another turn begins. */
	turn(): void {
		const turned = performance.now();
		this.#now += Math.min(turned - this.#turned, longestTurn);
		this.#turned = turned;
	}
}
