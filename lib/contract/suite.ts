/** Plays the cases of the contract against a driver, each in a lab of its own. */
import type {FirewallDriver} from '../drivers/driver.ts';
import {Lab} from '../lab.ts';
import type {Family} from '../util/address.ts';
import {InputError, MachineError, SecureNetError, messageOf} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import {type Case, type CaseResult, type Check, type DriverUnderTest, type Kind, hasFailed} from './case.ts';
import {cases} from './cases/index.ts';
import {ContractGround} from './ground.ts';
import {Limit, limited} from './limit.ts';
import {choiceOf, otherThan} from './others.ts';
import {Stage} from './stage.ts';

export type SuiteOptions = {
	/** Names of cases, such as `F3`; default: all. */
	readonly only?: readonly string[] | undefined;
	/** Factor of all time limits, for slow machines; default 1. */
	readonly patience?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Called when a case begins. */
	readonly progress?: ((name: string, done: number, total: number) => void) | undefined;
};

export type SuiteResult = {
	readonly driver: string;
	readonly kind: Kind;
	readonly ok: boolean;
	readonly cases: readonly CaseResult[];
	/** Milliseconds. */
	readonly ms: number;
};

/** What a signal ended: the cases that had ended by then, and those that had not. */
export class SuiteInterrupted extends SecureNetError {
	override name = 'SuiteInterrupted';
	readonly result: SuiteResult;
	readonly unfinished: ReadonlyArray<Pick<CaseResult, 'name' | 'title'>>;

	constructor(result: SuiteResult, unfinished: SuiteInterrupted['unfinished']) {
		super('interrupted', `Interrupted after ${result.cases.length} of ${result.cases.length + unfinished.length} cases.`);
		this.result = result;
		this.unfinished = unfinished;
	}
}

/** F19 is not a case but all others again. */
const ipv6Case = 'F19';
const ipv6Title = 'all of this with IPv6';
/** Labs that are up at the same time: most of a case is waiting for what must not come. */
const atOnce = 3;
/** Milliseconds that a case may take. It takes seconds; 60 swaps of a driver that starts programs take a minute where thirty others want the processor. */
const caseLimit = 180_000;

/** Runs of the suite that this process has begun: two may be at work at the same time. */
let runs = 0;

/** A case to be played. */
type Part = {readonly name: string; readonly played: Case; readonly family: Family};

/** @throws InputError `unknown-case`; SuiteInterrupted with what had ended; MachineError when this machine cannot run labs */
export async function testDriver(driver: DriverUnderTest, {only, patience = 1, signal, progress}: SuiteOptions = {}): Promise<SuiteResult> {
	const began = performance.now();
	const run = ++runs;
	const chosen = choose(only);
	const parts = chosen.flatMap(partsOf);
	const results = new Map<Part, CaseResult>();
	const begin = async (part: Part) => {
		progress?.(part.name, results.size, parts.length);
		const result = await play({driver, patience, signal, lab: `contract-${process.pid}-${run}-${parts.indexOf(part)}`}, part);
		// What a signal cut short fails, and says nothing of the driver.
		if (!signal?.aborted) {
			results.set(part, result);
		}
	};
	const stopped = [
		...await playAll(parts.filter(({played}) => !played.alone), atOnce, begin, signal),
		...await playAll(parts.filter(({played}) => played.alone), 1, begin, signal),
	];
	if (!signal?.aborted && stopped[0]) {
		throw stopped[0].reason;
	}

	const partsNamed = (name: string) => parts.filter(part => part.name === name);
	const hasEnded = (name: string) => partsNamed(name).every(part => results.has(part));
	const ended = chosen.filter(hasEnded).map(name => summary(name, partsNamed(name).flatMap(part => results.get(part) ?? [])));
	const result = {driver: driver.name, kind: driver.kind, ok: ended.every(({status}) => status !== 'fail'), cases: ended, ms: performance.now() - began};
	if (signal?.aborted) {
		throw new SuiteInterrupted(result, chosen.filter(name => !hasEnded(name)).map(name => ({name, title: titleOf(name)})));
	}

	return result;
}

function titleOf(name: string): string {
	return name === ipv6Case ? ipv6Title : cases.find(each => each.name === name)?.title ?? '';
}

/** So many at a time. Whatever stops one, the others take their labs down before it is told. @returns what stopped some */
async function playAll(parts: readonly Part[], atOnce: number, begin: (part: Part) => Promise<void>, signal: AbortSignal | undefined): Promise<PromiseRejectedResult[]> {
	const waiting = [...parts];
	const players = await Promise.allSettled(Array.from({length: atOnce}, async () => {
		for (let part = waiting.shift(); part && !signal?.aborted; part = waiting.shift()) {
			await begin(part);
		}
	}));
	return players.filter(player => player.status === 'rejected');
}

function partsOf(name: string): Part[] {
	return name === ipv6Case ? cases.map(played => ({name, played, family: 6})) : cases.filter(each => each.name === name).map(played => ({name, played, family: 4}));
}

/** Those that cannot be played with IPv6 either say so under their own names. */
function summary(name: string, results: readonly CaseResult[]): CaseResult {
	const [first] = results;
	if (first && name !== ipv6Case) {
		return first;
	}

	return {
		name,
		title: ipv6Title,
		status: results.some(({status}) => status === 'fail') ? 'fail' : results.some(({status}) => status === 'pass') ? 'pass' : 'not supported',
		checks: results.reduce((sum, {checks}) => sum + checks, 0),
		failures: results.flatMap(result => result.failures.map(failure => ({...failure, what: `${result.name}: ${failure.what}`}))),
		ms: results.reduce((sum, {ms}) => sum + ms, 0),
	};
}

function caseNames(): string[] {
	const names = cases.map(({name}) => name);
	const next = names.findIndex(name => !name.startsWith('F') || Number(name.slice(1)) > Number(ipv6Case.slice(1)));
	return [...names.slice(0, next), ipv6Case, ...names.slice(next)];
}

function choose(only: readonly string[] | undefined): string[] {
	const known = caseNames();
	const unknown = only?.find(name => !known.includes(name));
	if (unknown !== undefined) {
		const {nearest, hint} = nearestTo(unknown, known);
		throw new InputError('unknown-case', `There is no case "${printable(unknown)}".${hint} Cases: ${known.join(' ')}`, {expected: known, nearest});
	}

	return known.filter(name => only?.includes(name) ?? true);
}

type Setting = {readonly driver: DriverUnderTest; readonly patience: number; readonly signal: AbortSignal | undefined; /** Its name. */ readonly lab: string};

async function play(setting: Setting, {played: {name, title, inapplicable, ...rest}, family}: Part): Promise<CaseResult> {
	const began = performance.now();
	const because = inapplicable?.[setting.driver.kind];
	const {checks, reason} = because === undefined ? await playIn(setting, rest, family) : {checks: [], reason: because};
	const failures = checks.filter(hasFailed);
	return {
		name, title, checks: checks.length, failures,
		status: failures.length > 0 ? 'fail' : reason === undefined ? 'pass' : 'not supported',
		...reason === undefined ? {} : {reason},
		ms: performance.now() - began,
	};
}

type Played = {readonly checks: readonly Check[]; /** Why the driver cannot do what the case needs. */ readonly reason?: string};

async function playIn({driver, patience, signal, lab: name}: Setting, {ground, unbound = [], needs, exchanges, run}: Omit<Case, 'name' | 'title'>, family: Family): Promise<Played> {
	const topology = new ContractGround({kind: driver.kind, hosts: {}, twin: false, ...ground});
	const other = otherThan(driver);
	if (exchanges && !other) {
		return {checks: [], reason: 'there is no other driver to exchange it with'};
	}

	using limit = new Limit(caseLimit * patience, signal);
	let tested: FirewallDriver<unknown> | undefined;
	let stage: Stage | undefined;
	try {
		const create = limited(context => tested = driver.create(context), limit);
		await using lab = await Lab.up(topology, {name, arp: true, signal, ...exchanges && other ? {firewalls: [other]} : {drivers: {[driver.kind]: create}}});
		if (needs && !tested?.[needs]) {
			return {checks: [], reason: `it has no ${needs}`};
		}

		using playing = new Stage(lab, {kind: driver.kind, family, patience, limit, tested: choiceOf(driver) ?? create, other});
		stage = playing;
		await stage.run(...[...lab.inventory.hosts.keys()].filter(host => !unbound.includes(host)).map(host => `${host} bind ${host.replace('h', 'g')}`));
		await run(stage);
		return {checks: stage.checks};
	} catch (error) {
		if (error instanceof MachineError) {
			throw error;
		}

		const [checks, reason] = [stage?.checks ?? [], refusal(error)];
		return reason === undefined ? {checks: [...checks, {what: 'the case', expected: 'runs to its end', observed: messageOf(error)}]} : {checks, reason};
	}
}

/** What a driver says it cannot do is no failure; whatever else it throws is one. */
function refusal(error: unknown): string | undefined {
	return error instanceof SecureNetError && error.code === 'unsupported' ? error.message.split('\n').slice(1).map(line => line.trim()).join('; ') || error.message : undefined;
}
