/** Hits of rules, which go on where devices begin to count anew, and begin anew where devices go on. */
import type {AnyDriver} from './device-steps.ts';
import type {InstalledLine} from './driver.ts';

/** Rule id to packets. */
export type RuleHits = ReadonlyMap<number, number>;
/** Lines by device, as the devices have them. */
type Lines = ReadonlyMap<string, readonly InstalledLine[]>;

export class Hits {
	/** By device and rule: what a device's own count lacks; less than 0 where it has counted too much. */
	readonly #lacking = new Map<string, Map<number, number>>();

	/** A device has lost what it had counted, and counts these rules from 0. */
	keep(device: string, counted: RuleHits): void {
		const lacking = this.#lacking.get(device) ?? new Map<number, number>();
		for (const [rule, packets] of counted) {
			lacking.set(rule, (lacking.get(rule) ?? 0) + packets);
		}

		this.#lacking.set(device, lacking);
	}

	/** Forgets all rules but these. */
	retain(rules: ReadonlySet<number>): void {
		for (const [device, lacking] of this.#lacking) {
			this.#lacking.set(device, new Map([...lacking].filter(([rule]) => rules.has(rule))));
		}
	}

	/** From now on all hits count from zero. */
	reset(lines: Lines): void {
		this.#lacking.clear();
		for (const [device, own] of lines) {
			this.#lacking.set(device, new Map([...hitsByRule(own)].map(([rule, packets]) => [rule, -packets])));
		}
	}

	/** The same lines with the packets that are hits. */
	of(lines: Lines): Map<string, InstalledLine[]> {
		return new Map([...lines].map(([device, own]) => [device, withMore(own, new Map(this.#lacking.get(device)))]));
	}

	/** Summed over devices, those among them that no longer have the rule. */
	sum(lines: Lines): RuleHits {
		const sum = new Map<number, number>();
		for (const device of new Set([...lines.keys(), ...this.#lacking.keys()])) {
			const [own, lacking] = [hitsByRule(lines.get(device) ?? []), this.#lacking.get(device)];
			for (const rule of new Set([...own.keys(), ...lacking?.keys() ?? []])) {
				sum.set(rule, (sum.get(rule) ?? 0) + Math.max(0, (own.get(rule) ?? 0) + (lacking?.get(rule) ?? 0)));
			}
		}

		return sum;
	}
}

/** What rules have counted on devices of a driver, by device. */
export async function countedOn(driver: AnyDriver, states: ReadonlyMap<string, unknown>, rules: ReadonlyMap<string, ReadonlySet<number>>): Promise<ReadonlyMap<string, RuleHits>> {
	const of = (device: string) => rules.get(device) ?? new Set<number>();
	if (driver.counted) {
		return driver.counted(new Map([...states].map(([device, state]) => [device, {state, rules: of(device)}])));
	}

	return new Map([...await driver.list(states)].map(([device, lines]) => [device, hitsByRule(lines.filter(({rule}) => of(device).has(rule ?? 0)))]));
}

/** The packets that all lines of a rule have counted. */
export function hitsByRule(lines: Iterable<InstalledLine>): Map<number, number> {
	const hits = new Map<number, number>();
	for (const {rule, packets} of lines) {
		if (rule !== undefined) {
			hits.set(rule, (hits.get(rule) ?? 0) + packets);
		}
	}

	return hits;
}

/** Counts may move from one line of a rule to another: the first gets what is lacking, and of what is too much each takes what the ones before it left. @param lacking is used up */
function withMore(lines: readonly InstalledLine[], lacking: Map<number, number>): InstalledLine[] {
	return lines.map(line => {
		const more = lacking.get(line.rule ?? 0) ?? 0;
		const packets = Math.max(0, line.packets + more);
		lacking.set(line.rule ?? 0, more + line.packets - packets);
		return packets === line.packets ? line : {...line, packets};
	});
}
