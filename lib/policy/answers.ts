/** Whether a request gets its answer: both have to pass, each by the verdict of its own where no connection is made. */
import type {Packet, Verdict} from './evaluate.ts';
import {protocolNumbers} from './traffic.ts';

/** The answer to an echo request, by its type (RFC 792, RFC 4443). */
const replyTypes: ReadonlyMap<number, number> = new Map([[8, 0], [128, 129]]);
/** Protocols of which an answer on its own is known to be one, and so opens no connection. */
const answersShow: ReadonlySet<number> = new Set([protocolNumbers.tcp, protocolNumbers.icmp, protocolNumbers.icmp6]);

/** @param request opens a connection */
export function isAnswered(evaluate: (packet: Packet) => Verdict, request: Packet): boolean {
	const {action, stateful} = evaluate(request);
	return action === 'allow' && (stateful || evaluate(answerTo(request)).action === 'allow');
}

/** The packet that comes back. */
export function answerTo({source, destination, protocol, sport, dport, icmpType, icmpCode}: Packet): Packet {
	const type = icmpType === undefined ? undefined : replyTypes.get(icmpType) ?? icmpType;
	return {
		source: destination,
		destination: source,
		protocol,
		...dport === undefined ? {} : {sport: dport},
		...sport === undefined ? {} : {dport: sport},
		...type === undefined ? {} : {icmpType: type},
		...icmpCode === undefined ? {} : {icmpCode},
		...answersShow.has(protocol) ? {opens: false} : {},
	};
}
