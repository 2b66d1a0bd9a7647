/** What follows from what was seen at both ends. Only a packet that surely left and surely did not come is blocked; everything else that went wrong is a failure. */

/** What the witnesses at both ends have seen of one probe. */
export type Evidence = {
	/** Why the request could not be sent or nobody could be made to listen, as far as that is known. */
	trouble?: string;
	requestLeft: boolean;
	requestArrived: boolean;
	answerLeft: boolean;
	answerArrived: boolean;
	/** The target itself says that nobody listens: somebody has the port, and does not listen there. */
	closed: boolean;
	/** What came back to the source instead of an answer. */
	refusal?: 'reset' | 'prohibited' | 'unreachable';
};

export type Verdict = 'allowed' | 'blocked' | 'failed';

export type Outcome = {
	/** `allowed`: the answer came, which may be that nobody listens. `blocked`: request or answer left its host and did not come. `failed`: it cannot be said. */
	readonly verdict: Verdict;
	/** Which packet was kept back; only when blocked. */
	readonly stopped?: 'request' | 'answer';
	/** A firewall said so, by a TCP reset or an ICMP error; only when blocked. */
	readonly rejected?: 'reset' | 'prohibited';
	/** For people: what was seen, and what to do when that is nothing. */
	readonly reason: string;
};

export function noEvidence(): Evidence {
	return {requestLeft: false, requestArrived: false, answerLeft: false, answerArrived: false, closed: false};
}

/** Whether no further packet can change the outcome. */
export function isConclusive({answerArrived, refusal}: Evidence): boolean {
	return answerArrived || refusal !== undefined;
}

export function judge(evidence: Evidence, from: string, to: string): Outcome {
	const {trouble, requestLeft, requestArrived, answerLeft, answerArrived, closed, refusal} = evidence;
	if (answerArrived) {
		return {verdict: 'allowed', reason: `${to} answered`};
	}

	if (!requestLeft) {
		return failed(trouble ?? `no packet left ${from}: nobody answered for the MAC address of ${to} or of the gateway`);
	}

	if (closed) {
		return refusal === undefined ? failed(`nobody listens on ${to}, and that it says so did not reach ${from}`) : {verdict: 'allowed', reason: `${to} answered that nobody listens`};
	}

	if (!requestArrived) {
		return refusal === 'unreachable' ? failed(`a router on the way to ${to} says that it is unreachable`) : blocked('request', refusal, `the request left ${from} and did not reach ${to}`);
	}

	return answerLeft ? blocked('answer', refusal, `the answer left ${to} and did not reach ${from}`) : failed(trouble ?? `${to} got the request and sent no answer`);
}

function failed(reason: string): Outcome {
	return {verdict: 'failed', reason};
}

function blocked(stopped: 'request' | 'answer', refusal: Evidence['refusal'], reason: string): Outcome {
	const rejected = refusal === 'reset' || refusal === 'prohibited' ? refusal : undefined;
	return {verdict: 'blocked', stopped, ...rejected ? {rejected, reason: `${reason}; a firewall answered: ${rejected}`} : {reason}};
}
