/** Renders the plan of a switch as flows: shared stages, rules, and what depends on its ports and its tracking zone. */
import type {Datapath} from '../kernel/capabilities.ts';
import type {DevicePlan, FilterRule} from '../policy/filter-rule.ts';
import {prefixOf} from '../util/address.ts';
import {remember, sameItems} from '../policy/passes/memo.ts';
import {madeByPolicy} from './driver.ts';
import {byKey, diffTables, makeFlow} from './flow.ts';
import type {Flow, FlowLine, Flows} from './flow.ts';
import {claimFlows, diffClaims, isSameGuests} from './openflow-claims.ts';
import {matchPrefix} from './openflow-classes.ts';
import {egressFlows} from './openflow-egress.ts';
import {metersOf} from './openflow-meters.ts';
import type {Meters} from './openflow-meters.ts';
import {aroundLists, unsupportedByGroups} from './openflow-port-lists.ts';
import type {FlowStyle} from './openflow-port-lists.ts';
import {judgedPorts, portFlows} from './openflow-ports.ts';
import {hasReject, rejectFlows} from './openflow-reject.ts';
import {changedRules, ruleFlows, updateRuleFlows} from './openflow-rule-flows.ts';
import type {RuleFlows} from './openflow-rule-flows.ts';
import {beforeRules, flowsOf} from './openflow-rules.ts';
import {diffShared, keepsPriorities, plainShared, renderShared} from './openflow-shared.ts';
import type {SharedFlows} from './openflow-shared.ts';
import {readsHeader, untrackable} from './openflow-traffic.ts';
import {limit, matchFlag, outputToReceiver, priority, setFlag, table} from './pipeline.ts';

/** Everything installed on a switch, and what the next rendering must keep. */
export type FlowState = {
	/** What was rendered; undefined for a switch that no policy has touched. */
	readonly plan: DevicePlan | undefined;
	readonly style: FlowStyle;
	/** The same object on all switches that render the same plan. */
	readonly shared: SharedFlows;
	readonly rules: RuleFlows;
	/** What depends on the switch's ports and zone. */
	readonly local: Flows;
	/** What keeps the addresses of bound hosts; the same object on all switches that have, or have had, hosts to keep them from. */
	readonly claims: Flows;
	readonly meters: Meters;
	/** Some flow tells packets by ports or ICMP types, so the first fragment of a packet must show them. */
	readonly readsHeaders: boolean;
};

/** A new bridge: one flow that makes it a learning switch. */
export const plainSwitch: FlowState = {
	plan: undefined,
	style: 'rules',
	shared: plainShared,
	rules: new Map(),
	local: byKey([makeFlow(table.classify, priority.miss, '', 'NORMAL', 'learning switch')]),
	claims: new Map(),
	meters: new Map(),
	readsHeaders: false,
};

/** @param previous what is installed; keeps priorities and set numbers stable, and every part whose input has not changed */
export function renderFlows(plan: DevicePlan, previous: FlowState, style: FlowStyle = 'rules'): FlowState {
	const shared = renderShared(plan.shared, previous === plainSwitch ? undefined : previous.shared);
	const isSameStyle = style === previous.style;
	return {
		plan,
		style,
		shared,
		rules: isSameStyle && previous.plan && keepsPriorities(previous.shared, shared)
			? updateRuleFlows(previous.rules, previous.plan.rules, plan.rules, flowsOf(shared, style))
			: ruleFlows(plan.rules, flowsOf(shared, style)),
		local: isSameStyle && isSameLocal(plan, previous.plan) ? previous.local : byKey(localFlows(plan, style)),
		claims: claimFlows(plan, previous.claims),
		meters: isSameList(plan.rules, previous.plan?.rules) ? previous.meters : metersOf(plan.rules),
		readsHeaders: readsHeaders(plan),
	};
}

function isSameLocal(plan: DevicePlan, previous: DevicePlan | undefined): boolean {
	return plan.zone === previous?.zone && plan.ports === previous.ports && isSameList(plan.guarded, previous.guarded)
		&& plan.shared.isolation === previous.shared.isolation && plan.shared.broadcasts === previous.shared.broadcasts
		&& plan.shared.routerMacs === previous.shared.routerMacs && hasReject(plan) === hasReject(previous) && isSameGuests(plan, previous) && readsHeaders(plan) === readsHeaders(previous);
}

function readsHeaders({guarded, rules}: DevicePlan): boolean {
	return guarded.some(({secured}) => secured) || rules.some(readsHeader);
}

/** The compiler gives what has not changed as the very same object. */
function isSameList(list: readonly unknown[], other: readonly unknown[] | undefined): boolean {
	return list === other || (other !== undefined && sameItems(list, other));
}

function localFlows(plan: DevicePlan, style: FlowStyle): Flow[] {
	return [...portFlows(plan), ...castFlows(plan), ...readsHeaders(plan) ? headlessFlows() : [], ...stateFlows(), ...expiredFlows(), ...beforeRules(), ...aroundLists(plan, style), ...permitFlows(plan.zone), ...rejectFlows(plan), ...egressFlows(plan)];
}

/** What of a bundle turns one state into the other; empty when they are equal. */
export function diffFlows(previous: FlowState, next: FlowState): readonly FlowLine[] {
	return [
		...diffShared(previous.shared, next.shared),
		...diffTables(...changedRules(previous.rules, next.rules)),
		...diffTables(previous.local, next.local),
		...diffClaims(previous.claims, next.claims),
	];
}

export function allFlows({local, claims, shared, rules}: FlowState): Flow[] {
	return [...local.values(), ...claims.values(), ...shared.flows.values(), ...[...rules.values()].flat()];
}

/** Of rules, and of those with a rate; a list that a change leaves as it was is the very same. */
const highestIds = new WeakMap<readonly FilterRule[], {readonly rule: number; readonly meter: number}>();

/** What the registers, cookies and limits of OVS cannot hold, and what its connection tracking cannot tell. */
export function unsupportedByFlows(plan: DevicePlan, datapath: Datapath, style: FlowStyle = 'rules'): string[] {
	const {sets, domains} = plan.shared;
	const highest = remember(highestIds, plan.rules, () => ({
		rule: plan.rules.reduce((top, {id}) => Math.max(top, id), 0),
		meter: Math.max(0, ...metersOf(plan.rules).keys()),
	}));
	const most = (count: number, top: number, what: string) => count > top ? [`a switch holds at most ${top} ${what}, this policy needs ${count}`] : [];
	return [
		...most(sets.size, limit.sets, 'groups and address sets that rules name'),
		...most(plan.shared.order.length, limit.rules, 'rules'),
		...most(highest.rule, limit.ruleId, 'rule ids'),
		...most(highest.meter, limit.meter, 'rule ids with a rate'),
		...most(domains.reduce((highest, {id}) => Math.max(highest, id), 0), limit.domainId, 'domain ids'),
		...most(judgedPorts(plan).length, style === 'both' ? limit.judgedPortsOfBoth : limit.judgedPorts, 'ports of bound hosts'),
		...untrackable(plan.rules, datapath),
		...unsupportedByGroups(plan, style),
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

/**
A first fragment may end before the header of what it carries, behind options of IPv6 for example; Open vSwitch then reads the ports as 0, and the
header comes in a fragment that shows no ports either (RFC 7112 lets everybody drop it). No other packet has both ports 0, nor is there an ICMPv6 type 0.
Where no flow reads headers the switch shows none of any first fragment.
*/
function headlessFlows(): Flow[] {
	const ports = ['tcp', 'tcp6', 'udp', 'udp6', 'sctp', 'sctp6'].map(protocol => `${protocol},ip_frag=first,tp_src=0,tp_dst=0`);
	return [...ports, 'icmp6,ip_frag=first,icmp_type=0,icmp_code=0'].map(match => makeFlow(table.cast, priority.middle, match, 'drop', 'a first fragment that does not hold its header'));
}

function stateFlows(): Flow[] {
	const judge = `goto_table:${table.source}`;
	const judgeUntracked = `${setFlag('untracked')},${judge}`;
	return [
		makeFlow(table.state, priority.high, `ct_mark=${madeByPolicy}/${madeByPolicy}`, `goto_table:${table.forward}`, 'part of a connection that a rule or the default allowed'),
		makeFlow(table.state, priority.middle + 1, 'ct_state=+inv+trk', judgeUntracked, 'part of no connection: no stateful rule allows it'),
		makeFlow(table.state, priority.middle + 1, 'ct_state=+rel+trk', judgeUntracked, 'an error about a packet makes no connection: it would make the one of that packet'),
		...['tcp', 'tcp6'].flatMap(protocol => [
			makeFlow(table.state, priority.middle, `${protocol},tcp_flags=+syn-ack`, judge, 'opens a TCP connection'),
			makeFlow(table.state, priority.low, protocol, judgeUntracked, 'TCP that opens no connection: no stateful rule allows it'),
		]),
		...['tcp', 'tcp6', 'sctp', 'sctp6'].map(protocol => makeFlow(table.state, priority.middle + 2, `${protocol},ip_frag=first,ct_state=+inv+trk`, 'drop', 'a first fragment too small to hold the header hides its ports')),
		makeFlow(table.state, priority.miss, '', judge, 'first packet of a connection'),
	];
}

/** A permitted packet makes its connection, except a copy for one receiver and what is to make none. Fragments wait here until all of their packet have come. */
function permitFlows(zone: number): Flow[] {
	const copy = (protocol: string, field: string) => makeFlow(table.permit, priority.high, `${protocol},${matchFlag('multicast')}`, `pop:${field}[],${outputToReceiver}`, 'a permitted copy goes to its receiver');
	const commit = (protocol: string) => makeFlow(table.permit, priority.low, protocol, `ct(commit,force,zone=${zone},table=${table.forward},exec(set_field:${madeByPolicy}->ct_mark))`, 'permitted: make the connection');
	return [
		copy('ip', 'NXM_OF_IP_DST'),
		copy('ipv6', 'NXM_NX_IPV6_DST'),
		makeFlow(table.permit, priority.middle, matchFlag('untracked'), `goto_table:${table.forward}`, 'permitted, makes no connection'),
		commit('ip'),
		commit('ipv6'),
		makeFlow(table.permit, priority.miss, '', 'drop', 'not IP'),
	];
}

/**
A fragment whose others do not come leaves userspace tracking after 15 s, together with whatever packet comes next, and goes that
packet's way. It is told apart by having been found invalid without having been tracked.
*/
function expiredFlows(): Flow[] {
	return [table.state, table.forward].map(stage => makeFlow(stage, priority.first + 1, 'ct_state=+inv-trk', 'drop', 'a fragment that waited in vain for the others'));
}
