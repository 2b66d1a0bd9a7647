/** The table around a bridge that speaks to connection tracking: bridged IP packets come by as if they were routed, and the bridge's chains are between. */
import type {Family} from '../util/address.ts';
import type {DevicePlan} from '../policy/filter-rule.ts';
import {madeBackwards, madeByPolicy} from './driver.ts';
import {linesOf, oneOf} from './nftables-bridge-line.ts';
import {isMarked, setMark} from './nftables-bridge-marks.ts';
import type {Content, ContentLine} from './nftables-content.ts';
import {conditionText} from './nftables-lines.ts';
import {packetLines} from './perimeter-chains.ts';

/** Bit of a connection's mark that says: a firewall answers it. Its packets are judged like any others. */
const answered = 0x4;
const families = [4, 6] as const;

/** Before fragments are put together (NF_IP_PRI_RAW_BEFORE_DEFRAG), so that those of each bridge are kept apart; behind connection tracking; where packets are forwarded. */
const attachments: ReadonlyMap<string, string> = new Map([
	['zone', 'type filter hook prerouting priority -450; policy accept;'],
	['state', 'type filter hook prerouting priority -150; policy accept;'],
	['make', 'type filter hook forward priority 0; policy accept;'],
]);

export function trackingTable(plan: DevicePlan): Content {
	const {device} = plan;
	return {
		table: {family: 'inet', name: `securenet-${device}`},
		chains: new Map([...attachments, ...families.map(family => [stateChain(family), ''] as const)]),
		sets: new Map(),
		objects: new Map(),
		lines: [...zoneLines(plan), ...stateLines(plan), ...makeLines(plan)],
	};
}

/** To these chains the interface is the bridge, not its port. */
function zoneLines({device, zone}: DevicePlan): ContentLine[] {
	return [linesOf('zone')(`iifname "${device}"`, `ct zone set ${zone}`, 'zone', 'each bridge tracks connections for itself')];
}

function stateLines(plan: DevicePlan): ContentLine[] {
	const line = linesOf('state');
	return [
		line(`iifname != "${plan.device}"`, 'accept', 'elsewhere', 'not on this bridge'),
		line('', setMark('tracked'), 'tracked', 'connection tracking has seen it'),
		...answerLines(plan),
		...families.map(family => line(`meta nfproto ipv${family}`, `goto ${stateChain(family)}`, 'family', 'what connection tracking says')),
		...families.flatMap(familyLines),
	];
}

function stateChain(family: Family): string {
	return `state.${family}`;
}

/** As on a perimeter router, save that the packet is only marked. */
function familyLines(family: Family): ContentLine[] {
	const line = linesOf(stateChain(family));
	return packetLines().map(({conditions, target, label, sentence}) =>
		line(conditions.map(condition => conditionText(condition, family)).join(' '), target === 'accept' ? `${setMark('made')} accept` : setMark('noted'), label.replace('securenet: ', ''), sentence));
}

/** What answers a rejected packet is known by the connection that the packet has left in tracking, and by the MAC of a router, which no host has that keeps to its port's rules. */
function answerLines({rules, shared}: DevicePlan): ContentLine[] {
	const answer = (match: string, what: string) => linesOf('state')(`ether saddr ${oneOf(shared.routerMacs)} ct mark & ${answered} != 0 ct direction reply ${match}`, `${setMark('made')} accept`, `answer ${what}`, `answer of a firewall: ${what}`);
	return shared.routerMacs.length === 0 || rules.every(({action}) => action !== 'reject') ? [] : [
		answer('tcp flags & rst == rst', 'reset'),
		answer('ct state related meta l4proto { icmp, ipv6-icmp }', 'ICMP error'),
	];
}

/** A connection may be made by a packet of a flow whose first one a stateless rule had let pass in the other direction. */
function makeLines({device, rules}: DevicePlan): ContentLine[] {
	const line = linesOf('make');
	const others = `0x${(~(madeByPolicy | madeBackwards | answered) >>> 0).toString(16)}`;
	return [
		line(`iifname != "${device}"`, 'accept', 'elsewhere', 'not on this bridge'),
		...rules.every(({action}) => action !== 'reject') ? [] : [line(isMarked('answer'), `ct mark set ct mark | ${answered}`, 'rejected', 'rejected: the perimeter firewall answers')],
		line(isMarked('make'), `ct mark set ct mark & ${others} | ${madeByPolicy}`, 'make connection', 'permitted: make the connection'),
		line(`${isMarked('make')} ct direction reply`, `ct mark set ct mark | ${madeBackwards}`, 'turn connection', 'permitted: the connection runs against the direction of the first packet'),
	];
}
