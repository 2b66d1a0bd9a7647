/** Where a case is played: a lab of its own, the words that change it, and the words that look at it. Every look is kept. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {Chosen} from '../drivers/choice.ts';
import type {InstalledLine} from '../drivers/driver.ts';
import type {LogEntry} from '../drivers/log.ts';
import type {Change, Lab} from '../lab.ts';
import {sentence} from '../policy/grammar.ts';
import type {Policy} from '../policy/model.ts';
import {injectAll, type Injection} from '../probes/inject.ts';
import type {Outcome} from '../probes/outcome.ts';
import {PingStream, type PingStreamCount} from '../probes/ping-stream.ts';
import {probeAll} from '../probes/round.ts';
import {errorReturns, type RelatedOptions} from '../probes/related.ts';
import {Stream, type StreamOptions, usualSilence} from '../probes/stream.ts';
import {type Address, type Family, type Mac, formatAddress} from '../util/address.ts';
import {type Check, type Evidence, type Kind, hasFailed} from './case.ts';
import {contentOf} from './content.ts';
import {type Sign, observedWords, parseExpectation, words} from './expectation.ts';
import {device} from './ground.ts';
import type {Limit} from './limit.ts';

/** Milliseconds: what is allowed may take its time on a busy machine, and mostly takes none; what is blocked always takes all of it. */
const limits = {allowed: 2000, blocked: 300, soon: 1000} as const;
/** Milliseconds between two looks at what others tell. */
const pause = 5;

export type StageOptions = {
	readonly kind: Kind;
	readonly family: Family;
	/** Factor of all time limits. */
	readonly patience: number;
	readonly limit: Limit;
	/** The driver under test, and the one it is exchanged with. */
	readonly tested: Chosen;
	readonly other: Chosen | undefined;
};

export type FrameExpectation = Injection & {readonly sign: Exclude<Sign, '~'>; readonly what: string};

export class Stage implements Disposable {
	readonly lab: Lab;
	readonly kind: Kind;
	/** All addresses of the case are of this family. */
	readonly family: Family;
	readonly #options: StageOptions;
	/** Milliseconds. */
	readonly #limits: Readonly<Record<keyof typeof limits, number>>;
	/** Milliseconds. */
	readonly #silence: number;
	readonly checks: Check[] = [];
	readonly #lines: string[] = [];
	readonly #open: Disposable[] = [];
	#isOver = false;

	constructor(lab: Lab, options: StageOptions) {
		const {kind, family, patience} = options;
		this.lab = lab;
		this.#options = options;
		this.kind = kind;
		this.family = family;
		this.#limits = {allowed: limits.allowed * patience, blocked: limits.blocked * patience, soon: limits.soon * patience};
		// TCP does not repeat any sooner for somebody who is in a hurry.
		this.#silence = usualSilence * Math.max(1, patience);
	}

	/** Lines of the prompt. @throws as Lab.run */
	async run(...lines: readonly string[]): Promise<void> {
		for (const line of lines) {
			this.#lines.push(line);
			await this.#wait(line, async () => this.lab.run(line));
		}
	}

	/** Takes a whole policy over, such as one that was kept. */
	async swap(policy: Policy): Promise<Change> {
		return this.#wait('a swap of the policy', async () => this.lab.change(() => policy));
	}

	/** Real packets, many at once: first what must pass, then what must not. See expectation.ts. */
	async probes(...texts: readonly string[]): Promise<void> {
		const expectations = texts.map(parseExpectation);
		for (const passing of [true, false]) {
			const part = expectations.filter(({sign}) => (sign === '+') === passing);
			const timeout = this.#limits[passing ? 'allowed' : 'blocked'];
			const {signal} = this.#options.limit;
			const results = await this.#wait(texts.join(', '), async () => probeAll(this.lab.network, part.map(({probe}) => ({...probe, family: this.family})), {timeout, signal}));
			await this.#note(part.map(({text, sign}, index) => ({what: text, expected: words[sign], observed: observed(results[index])})));
		}
	}

	/** Frames just as they are. */
	async frames(...expectations: readonly FrameExpectation[]): Promise<void> {
		for (const passing of [true, false]) {
			const part = expectations.filter(({sign}) => (sign === '+') === passing);
			const outcomes = await this.#wait(part.map(({what}) => what).join(', '), async () => injectAll(this.lab.network, part, this.#limits[passing ? 'allowed' : 'blocked']));
			await this.#note(part.map(({what, from, to, sign}, index) => ({what: `${from} > ${to} ${what}`, expected: words[sign], observed: observed(outcomes[index])})));
		}
	}

	/** A UDP packet to a closed port: does the error of an allowed flow come back? */
	async errorReturns(options: Omit<RelatedOptions, 'family'>): Promise<void> {
		const outcome = await this.#wait('an ICMP error', async () => errorReturns(this.lab.network, {...options, family: this.family}, this.#limits.allowed));
		await this.#note([{what: `ICMP error for ${options.from} > ${options.to} udp ${options.port}`, expected: words['+'], observed: observed(outcome)}]);
	}

	/** A connection, open until the case ends. @throws SecureNetError `stream` when it cannot be opened */
	async stream(options: Omit<StreamOptions, 'family' | 'limit' | 'silence'>): Promise<Stream> {
		const own = {family: this.family, limit: this.#limits.allowed, silence: this.#silence};
		return this.#wait(`${options.transport} from ${options.from} to ${options.to}`, async () => this.#kept(await Stream.open(this.lab.network, {...options, ...own})));
	}

	async staysOpen(what: string, stream: Stream): Promise<void> {
		await this.check(what, 'stays open', await this.#wait(what, async () => stream.staysOpen()) ? 'stays open' : 'is cut');
	}

	async isCut(what: string, stream: Stream): Promise<void> {
		await this.check(what, 'is cut', await this.#wait(what, async () => stream.isCut(this.#limits.soon)) ? 'is cut' : 'stays open');
	}

	/** A ping every 2 ms while the work goes on: all of it is answered, or none of it arrives. */
	async pingDuring({from, to, sign}: {readonly from: string; readonly to: string; readonly sign: '+' | '-'}, work: (ping: PingStream) => Promise<void>): Promise<void> {
		using ping = await this.#wait(`the first ping from ${from} to ${to}`, async () => this.#kept(await PingStream.open(this.lab.network, {from, to, family: this.family})));
		await this.#wait(`a ping from ${from} to ${to}`, async () => work(ping));
		const count = await ping.stop(this.#limits[sign === '+' ? 'allowed' : 'blocked']);
		const [what, number] = sign === '+' ? [`packets lost from ${from} to ${to}`, count.sent - count.answered] : ['packets that reach the target', count.arrived];
		await this.check(what, '0', tooFew(count) ?? String(number));
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

	/** Gives the device the driver under test, or another one, while the lab runs. */
	async exchange(to: 'tested' | 'other'): Promise<void> {
		const chosen = this.#options[to];
		if (chosen === undefined) {
			throw new TypeError('There is no other driver.');
		}

		await this.#wait(`the ${to} driver in place of the one before`, async () => this.lab.setFirewall(chosen, [device[this.kind]]));
	}

	/** What has come and what has gone on the device during the work, whichever driver did it. */
	async differences(work: () => Promise<void>): Promise<string> {
		const before = await contentOf(this.lab, this.kind);
		await work();
		const after = await contentOf(this.lab, this.kind);
		return [...after.filter(line => !before.includes(line)), ...before.filter(line => !after.includes(line)).map(line => `gone: ${line}`)].join('\n');
	}

	/**
	What rules with `log` told of the packets of the work, each as `tcp 80` by protocol and destination port, in alphabetical order.

	@param last what is told when all before it has been told
	*/
	async reports(last: string, work: () => Promise<void>): Promise<string> {
		const told: string[] = [];
		const listener = ({packet}: LogEntry) => told.push(packet.replace(/ .*[:>]/, ' '));
		this.lab.on('log', listener);
		await work();
		for (const end = performance.now() + this.#limits.allowed; performance.now() < end && !told.includes(last);) {
			await sleep(pause);
		}

		this.lab.off('log', listener);
		return told.sort().join(', ');
	}

	/** What the device under test has. */
	async installed(): Promise<readonly InstalledLine[]> {
		const name = device[this.kind];
		return this.#wait(`what ${name} has`, async () => (await this.lab.installed([name])).get(name) ?? []);
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
		this.#isOver = true;
		this.#open.forEach(each => {
			each[Symbol.dispose]();
		});
	}

	/** It is open until the case ends. The case may have given up waiting for it, and be over. */
	#kept<Opened extends Disposable>(opened: Opened): Opened {
		this.#open.push(opened);
		if (this.#isOver) {
			opened[Symbol.dispose]();
		}

		return opened;
	}

	/** Every wait of a case has a name, for when it does not end. */
	async #wait<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
		return this.#options.limit.wait(what, work);
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

/** Why a count says nothing. */
function tooFew({sent, unsent}: PingStreamCount): string | undefined {
	const least = 10;
	return sent < least || unsent.length > 0 ? `failed: only ${sent} requests were sent${unsent.length > 0 ? `, ${unsent.length} were not: ${unsent[0] ?? ''}` : ''}` : undefined;
}

function observed(outcome: Outcome | undefined): string {
	return outcome ? observedWords(outcome) : 'nothing';
}
