/** Two pings under a change that must lose nothing: requests of one connection, and requests that are judged one by one. */
import type {PingStream} from '../../probes/ping-stream.ts';
import type {Stage} from '../stage.ts';

/** What the second ping needs of a policy. A connection passes by its mark and never meets the rules again, so a gap in these would not be seen by the first. */
export const statelessPair = ['secrule add allow g3 to g4 stateless', 'secrule add allow g4 to g3 stateless'] as const;

/** From h1 to h2, which the policy allows as a connection, and from h3 to h4. */
export async function twoPings(stage: Stage, work: (ping: PingStream) => Promise<void>): Promise<void> {
	await stage.pingDuring({from: 'h1', to: 'h2', sign: '+'}, async ping => stage.pingDuring({from: 'h3', to: 'h4', sign: '+'}, async () => work(ping)));
}
