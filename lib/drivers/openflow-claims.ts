/** What the port of a host in no group may not claim: the address of a bound host, by which it would be judged as that one, and the MAC of a router. */
import {formatPrefix} from '../util/address.ts';
import type {Prefix} from '../util/address.ts';
import type {AddressSet, DevicePlan} from '../policy/filter-rule.ts';
import {remember, rememberPair} from '../policy/passes/memo.ts';
import {guestsOf, ownClaims} from './claims.ts';
import {byKey, diffTables, makeFlow} from './flow.ts';
import type {Flow, FlowLine, Flows} from './flow.ts';
import {matchPrefix} from './openflow-classes.ts';
import {matchFlag, matchFlags, priority, setFlag, table} from './pipeline.ts';

const again = `resubmit(,${table.classify})`;

/** Which ports are looked at, and what else passes there; the frame then is classified again. */
export function guestFlows(plan: DevicePlan): Flow[] {
	const guests = guestsOf(plan);
	const into = `${setFlag('guest')},goto_table:${table.antispoof}`;
	return guests.length === 0 ? [] : [
		...guests.map(({port, host}) => makeFlow(table.classify, priority.middle, `in_port=${port},${matchFlags([], ['guest'])}`, into, `port ${port}: ${host} claims no address of a bound host`)),
		...plan.shared.routerMacs.map(mac => makeFlow(table.antispoof, priority.high + 2, `${matchFlag('guest')},dl_src=${mac}`, 'drop', 'the MAC of a router, from a host')),
		...ownClaims(plan).flatMap(([{port, host}, prefix]) => claimsOf(prefix).map(({level, match}) =>
			makeFlow(table.antispoof, level + 1, `in_port=${port},${match}`, again, `${host} has ${formatPrefix(prefix)}, as a bound host of another network`))),
		makeFlow(table.antispoof, priority.miss + 1, matchFlag('guest'), again, 'claims no address of a bound host'),
	];
}

/** Whether a change of the bound addresses leaves those flows as they were. */
export function isSameGuests(plan: DevicePlan, previous: DevicePlan): boolean {
	return plan.shared.bound === previous.shared.bound || (ownClaims(plan).length === 0 && ownClaims(previous).length === 0);
}

const noFlows: Flows = new Map();
const flowsOf = new WeakMap<AddressSet, Flows>();

/**
Drops the claims to every bound host's address; the same object on all switches that have, or have had, ports of hosts in no group. They stay when the last of those hosts joins one: else
each that leaves its group as the first, or joins one as the last, would cost a flow for every bound host.

@param previous what the switch has of them
*/
export function claimFlows(plan: DevicePlan, previous: Flows): Flows {
	const {bound} = plan.shared;
	return guestsOf(plan).length === 0 && previous.size === 0 ? noFlows : remember(flowsOf, bound, () => byKey(bound.prefixes.flatMap(prefix => remember(dropsOf, prefix, () => claimsOf(prefix).map(({level, match}) =>
		makeFlow(table.antispoof, level, `${matchFlag('guest')},${match}`, 'drop', `${formatPrefix(prefix)} is the address of a bound host`))))));
}

/** The compiler gives the same host's address as the very same object. */
const dropsOf = new WeakMap<Prefix, readonly Flow[]>();

/** As source of a packet, and as what the sender tells to have. */
function claimsOf(prefix: Prefix): Array<{readonly level: number; readonly match: string}> {
	return [
		{level: priority.middle, match: matchPrefix('source', prefix)},
		prefix.family === 4
			? {level: priority.middle, match: `arp,arp_spa=${formatPrefix(prefix)}`}
			: {level: priority.high, match: `icmp6,icmp_type=136,icmp_code=0,nd_target=${formatPrefix(prefix)}`},
	];
}

const differences = new WeakMap<Flows, WeakMap<Flows, readonly FlowLine[]>>();

/** As diffTables, found once for all switches. */
export function diffClaims(previous: Flows, next: Flows): readonly FlowLine[] {
	return rememberPair(differences, next, previous, () => diffTables(previous, next));
}
