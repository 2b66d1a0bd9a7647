/** Rates of rules as meters of a switch: a bucket of tokens, one for each packet that makes a connection. */
import type {FilterRule} from '../policy/filter-rule.ts';
import type {Rate} from '../policy/model.ts';

/** Meter number, which is the rule's id, to what it lets pass. They must be there before the flows that name them. */
export type Meters = ReadonlyMap<number, Rate>;

export function metersOf(rules: readonly FilterRule[]): Meters {
	return new Map(rules.flatMap(({id, rate}) => rate ? [[id, rate]] : []));
}

/** As ovs-ofctl(8) reads it for `add-meter`. What is over the rate is dropped; a new meter begins with a full burst. */
export function meterText(id: number, {perSecond, burst}: Rate): string {
	return `meter=${id},pktps,burst,band=type=drop,rate=${perSecond},burst_size=${burst}`;
}
