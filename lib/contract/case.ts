/** A case of the contract that every firewall driver keeps, and what became of it. */
import type {DriverFactory} from '../drivers/factory.ts';
import type {DevicePlan} from '../policy/filter-rule.ts';
import type {Ground} from './ground.ts';
import type {Stage} from './stage.ts';

export type Kind = DevicePlan['kind'];

export type DriverUnderTest = {
	readonly name: string;
	readonly kind: Kind;
	readonly create: DriverFactory;
};

export type Case = {
	/** As in the acceptance list, such as `F3`. */
	readonly name: string;
	/** What must hold, in a few words. */
	readonly title: string;
	/** Why it says nothing about drivers of a kind. */
	readonly inapplicable?: Partial<Readonly<Record<Kind, string>>>;
	/** A part of the contract that a driver may leave out, and then cannot do this. */
	readonly needs?: 'watchLog';
	/** It begins with another driver in force; see Stage.exchange. */
	readonly exchanges?: true;
	/** What is special about the network; nothing by default. */
	readonly ground?: Partial<Ground>;
	/** Hosts that are in no group when it begins; all others are in one of their own: h1 in g1, h2 in g2, and so on. */
	readonly unbound?: readonly string[];
	/** No other lab of the suite is up meanwhile, because the time that something takes is looked at. */
	readonly alone?: true;
	readonly run: (stage: Stage) => Promise<void>;
};

/** One thing that was looked at. */
export type Check = {
	readonly what: string;
	readonly expected: string;
	readonly observed: string;
	/** What was in force at that moment; only when the two differ. */
	readonly evidence?: Evidence;
};

export type Evidence = {
	/** Lines of the prompt that led there. */
	readonly lines: readonly string[];
	/** Sentences of the rules, in evaluation order. */
	readonly rules: readonly string[];
	/** What the device under test had: the lines of rules, and those that have counted packets. */
	readonly installed: readonly string[];
};

export type CaseResult = {
	readonly name: string;
	readonly title: string;
	readonly status: 'pass' | 'fail' | 'not supported';
	/** Why it is not supported. */
	readonly reason?: string;
	/** How many things were looked at. */
	readonly checks: number;
	readonly failures: readonly Check[];
	/** Milliseconds. */
	readonly ms: number;
};

export function hasFailed({expected, observed}: Check): boolean {
	return expected !== observed;
}
