/** Everything a perimeter router holds for one family, line by line: what belongs to a connection, the rules, the defaults. */
import type {Family} from '../util/address.ts';
import type {DevicePlan, SharedPlan} from '../policy/filter-rule.ts';
import {chains, inSet, line} from './chain-line.ts';
import type {ChainLine, Condition} from './chain-line.ts';
import {ruleLines} from './perimeter-rules.ts';
import {builtIn} from './perimeter-sets.ts';

const {judge, isolate, allow, reject} = chains;

/** A chain ends with its last line: no packet comes back to where it was sent from. */
export function chainLines({rules, shared}: DevicePlan, family: Family): ChainLine[] {
	return [...linesBefore(), ...rules.flatMap(rule => ruleLines(rule, family)), ...linesAfter(shared, family)];
}

/** What stands before the rules, each in one text. */
export function linesBefore(): ChainLine[] {
	return [...packetLines(), line(judge, [inSet(builtIn.routers, 'dst')], {chain: allow}, 'to a router', 'traffic to a router itself is not judged')];
}

export function linesAfter(shared: SharedPlan, family: Family): ChainLine[] {
	return [
		...defaultLines(shared),
		...isolationLines(shared),
		...allowLines(),
		line(reject, [{kind: 'traffic', traffic: {family, protocol: 6}}], 'reset', 'reset', 'rejected: TCP is reset'),
		line(reject, [], 'prohibit', 'prohibited', 'rejected: administratively prohibited'),
	];
}

/**
Replies and related errors carry the mark of the connection they belong to; the kernel gives an ICMP error that of the
packet inside. What is left and opens no connection is noted, so that no line that makes connections takes it: of an ICMP error it would make the one that the error is about.
*/
export function packetLines(): ChainLine[] {
	const note = (condition: Condition, label: string, sentence: string) => line(judge, [condition], 'note', label, `opens no connection: ${sentence}`);
	return [
		line(judge, [{kind: 'made'}], 'accept', 'connection', 'part of a connection that a rule or the default allowed'),
		note({kind: 'invalid'}, 'invalid', 'part of none that can be told'),
		note({kind: 'no syn'}, 'midstream', 'TCP without SYN'),
		note({kind: 'icmp error'}, 'error', 'an error about a packet'),
		note({kind: 'icmp reply'}, 'reply', 'the reply to a request'),
	];
}

/** Pairs that no perimeter firewall parts may cross this router all the same, from one subnet of a domain to another. */
export function defaultLines({domains}: SharedPlan): ChainLine[] {
	const together = (source: Condition, destination: Condition, label: string) =>
		line(judge, [source, destination], {chain: isolate}, label, `${label}: no perimeter firewall between them`);
	const [fromOutside, toOutside] = [inSet(builtIn.inside, 'src', true), inSet(builtIn.inside, 'dst', true)];
	return [
		...domains.map(({id}) => together(inSet(builtIn.domain(id), 'src'), inSet(builtIn.domain(id), 'dst'), `both in domain ${id}`)),
		together(fromOutside, toOutside, 'both outside'),
		together(fromOutside, inSet(builtIn.open, 'dst'), 'outside to an open domain'),
		together(inSet(builtIn.open, 'src'), toOutside, 'open domain to outside'),
		line(judge, [], 'drop', 'default', 'default: a perimeter firewall parts source and destination'),
	];
}

export function isolationLines({isolation}: SharedPlan): ChainLine[] {
	return [
		...isolation === 'bound' ? [line(isolate, [inSet(builtIn.bound, 'dst')], 'drop', 'bound', 'default: the destination is a bound host')] : [],
		line(isolate, [], isolation === 'all' ? 'drop' : {chain: allow}, 'isolation', `default: isolation ${isolation}`),
	];
}

/** The defaults allow also what opens no connection, and a connection may be made by a packet of a flow whose first one a stateless rule had let pass in the other direction. */
function allowLines(): ChainLine[] {
	return [
		line(allow, [{kind: 'noted', noted: true}], 'accept', 'no connection', 'permitted, opens no connection'),
		line(allow, [], 'make', 'make connection', 'permitted: make the connection'),
		line(allow, [{kind: 'backwards'}], 'turn', 'turn connection', 'permitted: the connection runs against the direction of the first packet'),
		line(allow, [], 'accept', 'permitted', 'permitted'),
	];
}
