/** Which questions are asked at the same time: never two that are one connection, seen from its two ends. A firewall takes the second for an answer to the first. */
import type {Question} from './probe.ts';

/** All questions, in as few waves as that takes: mostly in one. */
export function wavesOf(questions: readonly Question[]): Question[][] {
	const asked = new Set<string>();
	const [first, second]: [Question[], Question[]] = [[], []];
	for (const question of questions) {
		const [there, back] = endsOf(question);
		if (back !== undefined && asked.has(back)) {
			second.push(question);
		} else {
			first.push(question);
			asked.add(there ?? '');
		}
	}

	return second.length === 0 ? [first] : [first, second];
}

/** The connection from here and from there; none when its source port is not decided yet, and so nobody else's. Of other protocols not every firewall tells ports, or there are none. */
function endsOf({from, to, number, transport, destination: {family}, sport, port}: Question): [there?: string, back?: string] {
	if (transport === 'sctp' || transport === 'other') {
		return [`${family} ${number} ${from.name} ${to.name}`, `${family} ${number} ${to.name} ${from.name}`];
	}

	return sport === undefined ? [] : [`${family} ${number} ${from.name} ${sport} ${to.name} ${port}`, `${family} ${number} ${to.name} ${port} ${from.name} ${sport}`];
}
