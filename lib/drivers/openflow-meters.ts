/** Rates of rules as meters of a switch: a bucket of tokens, one for each packet that makes a connection. */
import {deleteMeter, setMeter} from '../kernel/openflow.ts';
import type {Bridge} from '../kernel/openflow.ts';
import type {FilterRule} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import type {Rate} from '../policy/model.ts';
import {messageOf} from '../util/errors.ts';

/** Meter number, which is the rule's id, to what it lets pass. They must be there before the flows that name them. */
export type Meters = ReadonlyMap<number, Rate>;

export function metersOf(rules: readonly FilterRule[]): Meters {
	return remember(metersByRules, rules, () => new Map(rules.filter(hasRate).map(({id, rate}) => [id, rate])));
}

function hasRate(rule: FilterRule): rule is FilterRule & {readonly rate: Rate} {
	return rule.rate !== undefined;
}

/** A list of rules that a change leaves as it was is the very same. */
const metersByRules = new WeakMap<readonly FilterRule[], Meters>();

/** The meters that are in none of the others. */
export function metersWithout(meters: Meters, ...others: readonly Meters[]): Meters {
	return new Map([...meters].filter(([id]) => others.every(other => !other.has(id))));
}

/** The meters of one switch, and which of them should be gone. */
export class SwitchMeters {
	readonly #bridge: Bridge;
	/** Numbers of those that could not be deleted. No flow names them, so all they do is take up room. */
	readonly #left = new Set<number>();

	constructor(bridge: Bridge) {
		this.#bridge = bridge;
	}

	/** One of the same number is no obstacle. @throws FlowError */
	async set(meters: Meters): Promise<void> {
		for (const [id, rate] of meters) {
			await setMeter(this.#bridge, meterText(id, rate));
			this.#left.delete(id);
		}
	}

	/** Deletes meters that no flow names any more, and what an earlier call could not delete. One that stays is told of once. */
	async delete(ids: Iterable<number>): Promise<void> {
		for (const id of new Set([...ids, ...this.#left])) {
			try {
				await deleteMeter(this.#bridge, id);
				this.#left.delete(id);
			} catch (error) {
				this.#leave(id, error);
			}
		}
	}

	#leave(id: number, error: unknown): void {
		if (!this.#left.has(id)) {
			this.#left.add(id);
			process.emitWarning(`Switch ${this.#bridge.name} keeps meter ${id}, which nothing uses; the next change deletes it. ${messageOf(error)}`);
		}
	}
}

/** As ovs-ofctl(8) reads it for `add-meter`. What is over the rate is dropped; a new meter begins with a full burst. */
export function meterText(id: number, {perSecond, burst}: Rate): string {
	return `meter=${id},pktps,burst,band=type=drop,rate=${perSecond},burst_size=${burst}`;
}
