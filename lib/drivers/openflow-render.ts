/** Renders the plan of a switch as flows: shared stages, rules, and what depends on its ports and its tracking zone. */
import type {DevicePlan} from '../policy/filter-rule.ts';
import {prefixOf} from '../util/address.ts';
import {madeByPolicy} from './driver.ts';
import {byKey, diffTables, makeFlow} from './flow.ts';
import type {Flow, Flows} from './flow.ts';
import {matchPrefix, renderShared} from './openflow-classes.ts';
import type {SharedFlows} from './openflow-classes.ts';
import {egressFlows} from './openflow-egress.ts';
import {judgedPorts, portFlows} from './openflow-ports.ts';
import {placeRules, ruleFlows} from './openflow-rules.ts';
import type {Priorities} from './openflow-rules.ts';
import {limit, matchFlag, outputToReceiver, priority, setFlag, table} from './pipeline.ts';

/** Everything installed on a switch, and what the next rendering must keep. */
export type FlowState = {
	/** The same object on all switches that render the same plan. */
	readonly shared: SharedFlows;
	readonly priorities: Priorities;
	readonly rules: Flows;
	readonly local: Flows;
	/** Connection tracking zone. */
	readonly zone: number;
};

/** A new bridge: one flow that makes it a learning switch. */
export const plainSwitch: FlowState = {
	shared: {numbers: new Map(), flows: new Map()},
	priorities: new Map(),
	rules: new Map(),
	local: byKey([makeFlow(table.classify, priority.miss, '', 'NORMAL', 'learning switch')]),
	zone: 0,
};

/** @param previous what is installed; keeps priorities and set numbers stable */
export function renderFlows(plan: DevicePlan, previous: FlowState): FlowState {
	const shared = renderShared(plan.shared, previous === plainSwitch ? undefined : previous.shared);
	const priorities = placeRules(plan.rules.map(({id}) => id), previous.priorities);
	return {
		shared,
		priorities,
		rules: byKey(ruleFlows(plan.rules, priorities, shared.numbers)),
		local: byKey([...portFlows(plan), ...castFlows(plan), ...stateFlows(), ...permitFlows(plan.zone), ...egressFlows(plan)]),
		zone: plan.zone,
	};
}

/** Bundle lines that turn one state into the other; empty when they are equal. */
export function diffFlows(previous: FlowState, next: FlowState): string[] {
	return [
		...diffTables(previous.shared.flows, next.shared.flows),
		...diffTables(previous.rules, next.rules),
		...diffTables(previous.local, next.local),
	];
}

export function allFlows({local, shared, rules}: FlowState): Flow[] {
	return [...local.values(), ...shared.flows.values(), ...rules.values()];
}

/** What the registers, cookies and limits of OVS cannot hold. */
export function unsupportedByFlows(plan: DevicePlan): string[] {
	const {sets, domains} = plan.shared;
	const most = (count: number, top: number, what: string) => count > top ? [`a switch holds at most ${top} ${what}, this policy needs ${count}`] : [];
	return [
		...most(sets.size, limit.sets, 'groups and address sets that rules name'),
		...most(plan.rules.length, limit.rules, 'rules'),
		...most(plan.rules.reduce((highest, {id}) => Math.max(highest, id), 0), limit.ruleId, 'rule ids'),
		...most(domains.reduce((highest, {id}) => Math.max(highest, id), 0), limit.domainId, 'domain ids'),
		...most(judgedPorts(plan).length, limit.judgedPorts, 'ports of bound hosts'),
	];
}

/**
The IP address alone says what is for many: a host takes a broadcast address in a frame to itself, and its own address in a
frame to everybody, so neither MAC may decide by which rules a packet is judged.
*/
function castFlows({shared, zone}: DevicePlan): Flow[] {
	const multicast = (match: string) => makeFlow(table.cast, priority.low, match, `${setFlag('multicast')},goto_table:${table.source}`, 'multicast is judged without state');
	const broadcast = shared.broadcasts.map(address => matchPrefix('destination', prefixOf(address)));
	const track = (protocol: string) => makeFlow(table.cast, priority.miss + 1, protocol, `ct(table=${table.state},zone=${zone})`, 'track connections');
	return [
		...[...new Set(['ip,nw_dst=224.0.0.0/4', 'ip,nw_dst=255.255.255.255', 'ip,nw_dst=0.0.0.0', 'ipv6,ipv6_dst=ff00::/8', ...broadcast])].map(multicast),
		track('ip'),
		track('ipv6'),
		makeFlow(table.cast, priority.miss, '', 'drop', 'not IP'),
	];
}

function stateFlows(): Flow[] {
	const judge = `goto_table:${table.source}`;
	const judgeUntracked = `${setFlag('untracked')},${judge}`;
	return [
		makeFlow(table.state, priority.high, `ct_mark=${madeByPolicy}/${madeByPolicy}`, `goto_table:${table.forward}`, 'part of a connection that a rule or the default allowed'),
		makeFlow(table.state, priority.middle + 1, 'ct_state=+inv+trk', judgeUntracked, 'part of no connection: no rule allows it'),
		...['tcp', 'tcp6'].flatMap(protocol => [
			makeFlow(table.state, priority.middle, `${protocol},tcp_flags=+syn-ack`, judge, 'opens a TCP connection'),
			makeFlow(table.state, priority.low, protocol, judgeUntracked, 'TCP that opens no connection: no rule allows it'),
		]),
		makeFlow(table.state, priority.miss, '', judge, 'first packet of a connection'),
	];
}

/** A permitted packet makes its connection, except a copy for one receiver and what is part of no connection. */
function permitFlows(zone: number): Flow[] {
	const copy = (protocol: string, field: string) => makeFlow(table.permit, priority.middle, `${protocol},${matchFlag('multicast')}`, `pop:${field}[],${outputToReceiver}`, 'a permitted copy goes to its receiver');
	const commit = (protocol: string) => makeFlow(table.permit, priority.low, protocol, `ct(commit,zone=${zone},exec(set_field:${madeByPolicy}->ct_mark)),goto_table:${table.forward}`, 'permitted: make the connection');
	return [
		copy('ip', 'NXM_OF_IP_DST'),
		copy('ipv6', 'NXM_NX_IPV6_DST'),
		makeFlow(table.permit, priority.middle, matchFlag('untracked'), `goto_table:${table.forward}`, 'permitted, part of no connection'),
		commit('ip'),
		commit('ipv6'),
		makeFlow(table.permit, priority.miss, '', 'drop', 'not IP'),
	];
}
