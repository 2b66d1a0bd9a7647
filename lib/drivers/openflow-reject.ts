/** What a switch does with rejected packets: it has no action that answers, so it lets them pass to the firewall that will, and the answers back. */
import type {DevicePlan} from '../policy/filter-rule.ts';
import {makeFlow} from './flow.ts';
import type {Flow} from './flow.ts';
import {matchFlag, matchFlags, priority, table} from './pipeline.ts';

/** Bit of a connection's mark that says: a firewall answers it. Its packets are judged like any others. */
export const answered = 0x2;
const isAnswered = `ct_mark=${answered}/${answered}`;
const forward = `goto_table:${table.forward}`;

export function hasReject({rules}: DevicePlan): boolean {
	return rules.some(({action}) => action === 'reject');
}

/**
A pair that no perimeter firewall parts comes to `isolation`, and is dropped there. Of the others go on those that are in a
frame to a router: the way to the firewall. The packet leaves an entry in connection tracking, by which the answer is known.
Only a router answers: no host that keeps to its port's rules has the MAC of one. A fragment leaves none: it would wait for the others, which may be on another way.
*/
export function rejectFlows(plan: DevicePlan): Flow[] {
	const {shared, zone} = plan;
	const track = `ct(commit,zone=${zone},table=${table.forward},exec(set_field:${answered}->ct_mark))`;
	const pass = (mac: string, protocol: string) => makeFlow(table.defaults, priority.miss + 1, `${protocol},ip_frag=no,${matchFlags(['rejected'], ['multicast'])},dl_dst=${mac}`, track, 'rejected: the perimeter firewall answers');
	const answer = (match: string, why: string) => shared.routerMacs.map(mac => makeFlow(table.state, priority.high, `${match},${isAnswered},dl_src=${mac}`, forward, `answer of a firewall: ${why}`));
	return hasReject(plan) ? [
		...answer('tcp,tcp_flags=+rst,ct_state=+rpl+trk', 'reset'),
		...answer('tcp6,tcp_flags=+rst,ct_state=+rpl+trk', 'reset'),
		...answer('icmp,ct_state=+rel+rpl+trk', 'ICMP error'),
		...answer('icmp6,ct_state=+rel+rpl+trk', 'ICMP error'),
		...shared.routerMacs.flatMap(mac => ['ip', 'ipv6'].map(protocol => pass(mac, protocol))),
		makeFlow(table.isolation, priority.high, matchFlag('rejected'), 'drop', 'rejected: there is no firewall between them to answer'),
	] : [];
}
