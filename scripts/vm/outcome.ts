/** What the suites came to on one machine: written there, read where two machines are compared. */
import {readFileSync, writeFileSync} from 'node:fs';
import type {SuiteResult} from '../../lib/contract/suite.ts';
import type {Capability} from '../../lib/kernel/capabilities.ts';

/** The contract of a driver, or system tests; those look like a driver's cases, so that one table and one report serve both. */
export type Suite = Pick<SuiteResult, 'driver' | 'cases' | 'ms'>;

export type Outcome = {
	/** Release of the kernel, and who forwards for Open vSwitch. */
	readonly machine: string;
	readonly capabilities: readonly Capability[];
	readonly suites: readonly Suite[];
	/** Milliseconds for everything. */
	readonly ms: number;
};

export const systemTests = 'system tests';

export function writeOutcome(file: string, outcome: Outcome): void {
	writeFileSync(file, JSON.stringify(outcome));
}

export function readOutcome(file: string): Outcome {
	return JSON.parse(readFileSync(file, 'utf8')) as Outcome;
}
