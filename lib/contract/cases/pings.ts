/** Pings under a change that must lose nothing: requests of one connection, and requests that are judged one by one. */
import type {PingStream} from '../../probes/ping-stream.ts';
import type {Stage} from '../stage.ts';
import {knows} from './knows.ts';

/** What the second ping needs of a policy. A connection passes by its mark and never meets the rules again, so a gap in these would not be seen by the first. */
const rules = {there: 'allow g3 to g4 stateless', back: 'allow g4 to g3 stateless'} as const;

/** Lines that allow the second ping, and lines that take that back. */
export const statelessPair: readonly string[] = Object.entries(rules).map(([name, rule]) => `secrule add ${rule} name ${name}`);
export const noPair: readonly string[] = Object.keys(rules).map(name => `secrule del ${name}`);

/** The lines for a second ping; none when the driver in force refuses stateless rules, and so judges no packets one by one. */
export async function knownPair(stage: Stage): Promise<readonly string[]> {
	return await knows(stage, rules.there) ? statelessPair : [];
}

/** From h1 to h2, which the policy allows as a connection, and from h3 to h4 where it allows that pair. */
export async function twoPings(stage: Stage, pair: readonly string[], work: (ping: PingStream) => Promise<void>): Promise<void> {
	await stage.pingDuring({from: 'h1', to: 'h2', sign: '+'}, async ping => pair.length === 0
		? work(ping)
		: stage.pingDuring({from: 'h3', to: 'h4', sign: '+'}, async () => work(ping)));
}
