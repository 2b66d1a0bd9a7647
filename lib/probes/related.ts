/** Asks whether the error comes back that a host sends when nobody listens on a UDP port. */
import {setTimeout as sleep} from 'node:timers/promises';
import {InetSocket} from '../kernel/inet-socket.ts';
import type {Network} from '../network/network.ts';
import {message} from './asking.ts';
import type {Outcome} from './outcome.ts';
import {questionOf} from './probe.ts';
import {protocol} from './protocols.ts';
import {flowKey} from './seen.ts';
import {Witness} from './witness.ts';

export type RelatedOptions = {readonly from: string; readonly to: string; /** Nobody may listen on it. */ readonly port: number; readonly family?: 4 | 6};

/** Milliseconds between two looks. */
const pause = 2;

/**
`allowed` when the ICMP error that the target sent has come back to the source.

@param timeout milliseconds
@throws InputError `unknown-node`, `probe`; SecureNetError `witness`
*/
export async function errorReturns(network: Network, {from, to, port, family}: RelatedOptions, timeout = 1000): Promise<Outcome> {
	const {from: source, to: target, destination} = questionOf(network, {from, to, udp: port, ...family === undefined ? {} : {family}});
	using atSource = new Witness(source.namespace);
	using atTarget = new Witness(target.namespace);
	const socket = InetSocket.open(source.namespace, destination.family, 'datagram');
	const seen = {sent: false, came: false};
	try {
		const refusal = socket.connect({address: destination, port}) ?? socket.send(message.ask);
		const {address, port: sport} = socket.local;
		const request = flowKey(protocol.udp, {source: address, destination}, [sport, port]);
		const look = (witness: Witness, direction: 'in' | 'out') => [...witness.sights()].some(sight => sight.flow === request && sight.kind === 'unreachable' && sight.direction === direction);
		for (const end = performance.now() + timeout; refusal === undefined && !seen.came && performance.now() < end;) {
			await sleep(pause);
			seen.sent ||= look(atTarget, 'out');
			seen.came ||= look(atSource, 'in');
		}
	} finally {
		socket.close();
	}

	return seen.came
		? {verdict: 'allowed', reason: `the error of ${to} reached ${from}`}
		: seen.sent
			? {verdict: 'blocked', stopped: 'answer', reason: `the error left ${to} and did not reach ${from}`}
			: {verdict: 'failed', reason: `${to} sent no error: the request did not reach it, or somebody listens on port ${port}`};
}
