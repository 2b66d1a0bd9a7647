/** What devices have counted of rules that a change takes from them: asked before it, and kept after it. */
import type {DevicePlan} from '../policy/filter-rule.ts';
import {messageOf} from '../util/errors.ts';
import type {AnyDriver} from './device-steps.ts';
import {type RuleHits, countedOn} from './hits.ts';

/** States by driver and device. */
export type ByDriver = ReadonlyMap<AnyDriver, ReadonlyMap<string, unknown>>;
/** By device. */
export type RuleIds = ReadonlyMap<string, ReadonlySet<number>>;
export type Counts = ReadonlyMap<string, RuleHits>;

export type Losses = {
	/** Nothing may change before. @throws what keeps a device from telling */
	readonly asked: Promise<void>;
	/** Counts of before the change, also where they are told after it. A change that is made stands, whoever cannot tell: nothing then, and a warning. */
	readonly told: () => Promise<Counts>;
};

/** What a device counts before a change, and what after it. */
type Counted = {
	readonly device: string;
	readonly had: DevicePlan['rules'];
	readonly has: DevicePlan['rules'];
	/** Whether the driver that counts is the same. */
	readonly counterStays: boolean;
};

/** Rules that a change takes from devices, or all of them where another driver comes. Those too that leave the policy: when a device refuses, others get them back, and begin at 0. */
export function leaving(changes: readonly Counted[]): RuleIds {
	return new Map(changes.filter(({had, has, counterStays}) => had !== has || !counterStays).flatMap(({device, had, has, counterStays}) => {
		const stay = new Set(counterStays ? has.map(({id}) => id) : []);
		const lost = had.map(({id}) => id).filter(id => !stay.has(id));
		return lost.length === 0 ? [] : [[device, new Set(lost)]];
	}));
}

/** Asks all at once. A driver with `counted` need not have answered before a step begins. */
export function askLosses(drivers: ByDriver, rules: RuleIds): Losses {
	const answers = [...drivers].map(([driver, states]) => ({isOrdered: driver.counted !== undefined, counts: countedOn(driver, states, rules)}));
	const all = joined(answers.map(({counts}) => counts));
	// A change that is refused never looks at it.
	all.catch(() => undefined);
	return {
		asked: joined(answers.filter(({isOrdered}) => !isOrdered).map(({counts}) => counts)).then(() => undefined),
		told: async () => all.catch((error: unknown) => {
			process.emitWarning(`Hits of rules that left devices are not known: ${messageOf(error)}`);
			return new Map<string, RuleHits>();
		}),
	};
}

async function joined(counts: ReadonlyArray<Promise<Counts>>): Promise<Counts> {
	return new Map((await Promise.all(counts)).flatMap(each => [...each]));
}

/** What devices count less now than they had. */
export async function missing(lost: Counts, drivers: ByDriver): Promise<Counts> {
	const now = await askLosses(drivers, new Map([...lost].map(([device, hits]) => [device, new Set(hits.keys())]))).told();
	return new Map([...now].map(([device, hits]) => [device, new Map([...lost.get(device) ?? []].map(([rule, packets]) => [rule, Math.max(0, packets - (hits.get(rule) ?? 0))]))]));
}
