/** Expectations as the cases write them: `+ h1 > h2 tcp 80 sport 42`. */
import type {Probe} from '../probes/probe.ts';
import type {ProbeResult} from '../probes/round.ts';

/** `+`: it is answered. `-`: the request does not arrive. `~`: the request arrives, its answer does not. */
export type Sign = '+' | '-' | '~';

export type Expectation = {readonly text: string; readonly sign: Sign; readonly probe: Probe};

const form = /^([-+~]) (\w+) > (\w+)((?: (?:tcp|udp|sctp|protocol|sport) \d+)*)$/;

/** @throws TypeError for what no case may write */
export function parseExpectation(text: string): Expectation {
	const [, sign, from, to, rest = ''] = form.exec(text) ?? [];
	if (sign === undefined || from === undefined || to === undefined) {
		throw new TypeError(`"${text}" is no expectation. Write: + h1 > h2 tcp 80 sport 42`);
	}

	const numbers = [...rest.matchAll(/(\w+) (\d+)/g)].map(([, word = '', number]) => [word, Number(number)]);
	return {text: text.slice(2), sign: sign as Sign, probe: {from, to, ...Object.fromEntries(numbers) as Partial<Probe>}};
}

/** In the words of results. */
export const words: Readonly<Record<Sign, string>> = {'+': 'allowed', '-': 'blocked', '~': 'answer blocked'};

/** A failure is never taken for a verdict, so it says why. */
export function observedWords({verdict, stopped, reason}: Pick<ProbeResult, 'verdict' | 'stopped' | 'reason'>): string {
	switch (verdict) {
		case 'allowed':
			return words['+'];
		case 'blocked':
			return words[stopped === 'answer' ? '~' : '-'];
		case 'failed':
			return `failed: ${reason}`;
	}
}
