/** Hits of rules since they were last set to zero. Devices go on counting; what they had counted then is left out of their lines. */
import type {InstalledLine} from './driver.ts';

/** Lines by device. */
type Lines = ReadonlyMap<string, readonly InstalledLine[]>;

export class Hits {
	/** By device and rule: what had been counted when the hits were set to zero. */
	#before: ReadonlyMap<string, ReadonlyMap<number, number>> = new Map();

	/** @param lines as the devices have them */
	reset(lines: Lines): void {
		this.#before = new Map([...lines].map(([device, own]) => [device, hitsOf(own)]));
	}

	/** The same lines with the packets that lines of rules have counted since. */
	since(lines: Lines): Map<string, InstalledLine[]> {
		return new Map([...lines].map(([device, own]) => [device, less(own, new Map(this.#before.get(device)))]));
	}
}

/** What drivers had counted that a device no longer has. */
export class CarriedHits {
	readonly #hits = new Map<string, Map<number, number>>();

	/** @param lines as the driver that goes has them */
	add(device: string, lines: readonly InstalledLine[]): void {
		this.#hits.set(device, hitsOf(this.with(device, lines)));
	}

	/** The same lines; the first of a rule takes over what others had counted for it. */
	with(device: string, lines: readonly InstalledLine[]): InstalledLine[] {
		const waiting = new Map(this.#hits.get(device));
		return lines.map(line => {
			const more = waiting.get(line.rule ?? 0) ?? 0;
			waiting.delete(line.rule ?? 0);
			return more === 0 ? line : {...line, packets: line.packets + more};
		});
	}
}

/** Rule id to the number of packets that its lines have counted. */
export function hitsOf(lines: Iterable<InstalledLine>): Map<number, number> {
	const hits = new Map<number, number>();
	for (const {rule, packets} of lines) {
		if (rule !== undefined) {
			hits.set(rule, (hits.get(rule) ?? 0) + packets);
		}
	}

	return hits;
}

/** Counts may move from one line of a rule to another, so each takes what the ones before it left. @param left is used up */
function less(lines: readonly InstalledLine[], left: Map<number, number>): InstalledLine[] {
	return lines.map(line => {
		const taken = Math.min(line.packets, left.get(line.rule ?? 0) ?? 0);
		left.set(line.rule ?? 0, (left.get(line.rule ?? 0) ?? 0) - taken);
		return taken === 0 ? line : {...line, packets: line.packets - taken};
	});
}
