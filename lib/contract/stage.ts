/** Where a case is played: a lab of its own, the words that change it, and the words that look at it. Every look is kept. */
import type {InstalledLine} from '../drivers/driver.ts';
import type {Change, Lab} from '../lab.ts';
import {sentence} from '../policy/grammar.ts';
import type {Policy} from '../policy/model.ts';
import {injectAll, type Injection} from '../probes/inject.ts';
import type {Outcome} from '../probes/outcome.ts';
import {PingStream, type PingStreamCount} from '../probes/ping-stream.ts';
import {probeAll} from '../probes/round.ts';
import {errorReturns, type RelatedOptions} from '../probes/related.ts';
import {Stream, type StreamOptions} from '../probes/stream.ts';
import {type Address, type Family, type Mac, formatAddress} from '../util/address.ts';
import {type Check, type Evidence, type Kind, hasFailed} from './case.ts';
import {type Sign, observedWords, parseExpectation, words} from './expectation.ts';
import {device} from './ground.ts';

/** Milliseconds: what is allowed may take its time on a busy machine, and mostly takes none; what is blocked always takes all of it. */
const limits = {allowed: 2000, blocked: 300, soon: 1000} as const;

export type StageOptions = {readonly kind: Kind; readonly family: Family; /** Factor of all time limits. */ readonly patience: number};

export type FrameExpectation = Injection & {readonly sign: Exclude<Sign, '~'>; readonly what: string};

export class Stage implements Disposable {
	readonly lab: Lab;
	readonly kind: Kind;
	/** All addresses of the case are of this family. */
	readonly family: Family;
	/** Milliseconds. */
	readonly #limits: Readonly<Record<keyof typeof limits, number>>;
	readonly checks: Check[] = [];
	readonly #lines: string[] = [];
	readonly #open: Disposable[] = [];

	constructor(lab: Lab, {kind, family, patience}: StageOptions) {
		this.lab = lab;
		this.kind = kind;
		this.family = family;
		this.#limits = {allowed: limits.allowed * patience, blocked: limits.blocked * patience, soon: limits.soon * patience};
	}

	/** Lines of the prompt. @throws as Lab.run */
	async run(...lines: readonly string[]): Promise<void> {
		this.#lines.push(...lines);
		await this.lab.run(...lines);
	}

	/** Takes a whole policy over, such as one that was kept. */
	async swap(policy: Policy): Promise<Change> {
		return this.lab.change(() => policy);
	}

	/** Real packets, many at once: first what must pass, then what must not. See expectation.ts. */
	async probes(...texts: readonly string[]): Promise<void> {
		const expectations = texts.map(parseExpectation);
		for (const passing of [true, false]) {
			const part = expectations.filter(({sign}) => (sign === '+') === passing);
			const timeout = this.#limits[passing ? 'allowed' : 'blocked'];
			const results = await probeAll(this.lab.network, part.map(({probe}) => ({...probe, family: this.family})), {timeout});
			await this.#note(part.map(({text, sign}, index) => ({what: text, expected: words[sign], observed: observed(results[index])})));
		}
	}

	/** Frames just as they are. */
	async frames(...expectations: readonly FrameExpectation[]): Promise<void> {
		for (const passing of [true, false]) {
			const part = expectations.filter(({sign}) => (sign === '+') === passing);
			const outcomes = await injectAll(this.lab.network, part, this.#limits[passing ? 'allowed' : 'blocked']);
			await this.#note(part.map(({what, from, to, sign}, index) => ({what: `${from} > ${to} ${what}`, expected: words[sign], observed: observed(outcomes[index])})));
		}
	}

	/** A UDP packet to a closed port: does the error of an allowed flow come back? */
	async errorReturns(options: Omit<RelatedOptions, 'family'>): Promise<void> {
		const outcome = await errorReturns(this.lab.network, {...options, family: this.family}, this.#limits.allowed);
		await this.#note([{what: `ICMP error for ${options.from} > ${options.to} udp ${options.port}`, expected: words['+'], observed: observed(outcome)}]);
	}

	/** A connection, open until the case ends. @throws SecureNetError `stream` when it cannot be opened */
	async stream(options: Omit<StreamOptions, 'family'>): Promise<Stream> {
		const stream = await Stream.open(this.lab.network, {...options, family: this.family});
		this.#open.push(stream);
		return stream;
	}

	async staysOpen(what: string, stream: Stream): Promise<void> {
		await this.check(what, 'stays open', await stream.staysOpen() ? 'stays open' : 'is cut');
	}

	async isCut(what: string, stream: Stream): Promise<void> {
		await this.check(what, 'is cut', await stream.isCut(this.#limits.soon) ? 'is cut' : 'stays open');
	}

	/** A ping every 2 ms while the work goes on. */
	async pingDuring(from: string, to: string, work: (ping: PingStream) => Promise<void>): Promise<PingStreamCount> {
		using ping = new PingStream(this.lab.network, {from, to, family: this.family});
		await work(ping);
		return await ping.stop();
	}

	/** POLICY's second, from the line on until it is in effect. */
	async soon(what: string, work: () => Promise<void>): Promise<void> {
		const began = performance.now();
		await work();
		await this.check(what, 'within a second', performance.now() - began <= this.#limits.soon ? 'within a second' : 'later');
	}

	/** Anything else: the two texts must be equal. */
	async check(what: string, expected: string, observedText: string): Promise<void> {
		await this.#note([{what, expected, observed: observedText}]);
	}

	/** What the device under test has. */
	async installed(): Promise<readonly InstalledLine[]> {
		const name = device[this.kind];
		return (await this.lab.installed([name])).get(name) ?? [];
	}

	/** Of a host's first interface. */
	addressing(host: string): {readonly mac: Mac; readonly address: Address; readonly text: string} {
		const [first] = this.lab.node(host).interfaces;
		const address = first?.addresses.map(each => each.address).find(({family}) => family === this.family);
		if (!first || !address) {
			throw new TypeError(`${host} has no address of IPv${this.family}.`);
		}

		return {mac: first.mac, address, text: formatAddress(address)};
	}

	/** Ends the connections that the case opened. */
	[Symbol.dispose](): void {
		this.#open.forEach(each => {
			each[Symbol.dispose]();
		});
	}

	/** The device is asked once, right after the first thing that is not as it should be. */
	async #note(checks: readonly Check[]): Promise<void> {
		const evidence = checks.some(hasFailed) ? await this.#evidence() : undefined;
		this.checks.push(...checks.map(check => evidence && hasFailed(check) ? {...check, evidence} : check));
	}

	async #evidence(): Promise<Evidence> {
		const {policy} = this.lab;
		return {
			lines: [...this.#lines],
			rules: policy.rules.map(rule => `${rule.id}  ${sentence(rule, policy.stateful)}`),
			installed: (await this.installed()).filter(({packets, rule}) => packets > 0 || rule !== undefined).map(({packets, text, sentence: why}) => `${packets}  ${text}${why === undefined ? '' : `  # ${why}`}`),
		};
	}
}

function observed(outcome: Outcome | undefined): string {
	return outcome ? observedWords(outcome) : 'nothing';
}
