/**
Renders the plan of a Linux bridge as two tables of nftables, and the commands that turn one rendering into the next.

    bridge   ingress ─────────────────┐       ┌ judge ───────────────┐        ┌ egress
             port-N, others           │       │ PFW …                │        │ COPY … for multicast, to-N
    inet                zone ─ state ─┴───────┘                make ─┴────────┘

Frames from a port meet the chains of the bridge family before and behind those of IP, which br_netfilter leads them through: there connection tracking puts
fragments together and knows connections. The chains of both families speak by marks on the packet.
*/
import type {Family} from '../util/address.ts';
import type {AddressSet, DevicePlan} from '../policy/filter-rule.ts';
import {copyLines, judgeLines, judgedPorts, receiversIn, receiversName, receiversOf} from './nftables-bridge-judge.ts';
import type {PolicyLine} from './nftables-bridge-judge.ts';
import {advertised, targetField, targetText} from './nftables-bridge-guests.ts';
import {linesOf} from './nftables-bridge-line.ts';
import {isMarked, isUnmarked, setMark} from './nftables-bridge-marks.ts';
import {dhcpRenew, dhcpServer, egressMap, ingressMap, interfaceOf, listenerQuery, listenerReports, macs, neighborDiscovery, portLines, routerSolicitation} from './nftables-bridge-ports.ts';
import {trackingTable} from './nftables-bridge-tracking.ts';
import {contentCommands, contentTexts, noContent} from './nftables-content.ts';
import type {Content, ContentLine, ContentSet} from './nftables-content.ts';
import {chainName} from './nftables-lines.ts';
import type {NameOf} from './nftables-lines.ts';
import {renderWithSets} from './nftables-sets.ts';
import {builtIn, setsOf} from './perimeter-sets.ts';
import type {InstalledSets} from './perimeter-sets.ts';

/** Everything installed on a bridge. */
export type BridgeState = {
	/** Of the bridge family: port security, rules and defaults. */
	readonly frames: Content;
	/** Of the families of IP: what connection tracking knows and is told. */
	readonly tracking: Content;
	/** Connection tracking zone. */
	readonly zone: number;
	/** Of addresses: what the lines of the policy look a packet up in. */
	readonly sets: InstalledSets;
	readonly policy: readonly PolicyLine[];
};

const families = [4, 6] as const;
const ethernetNames = {4: 'ip', 6: 'ip6'} as const;

/** A bridge that forwards everything. */
export const plainBridge: BridgeState = {frames: noContent({family: 'bridge', name: ''}), tracking: noContent({family: 'inet', name: ''}), zone: 0, sets: new Map(), policy: []};

/** Sets that know interfaces: all ports of the bridge, the secured ones, and those whose multicast is judged. */
const ports = {all: 'ports', secured: 'secured', judged: 'judged', from: 'from', to: 'to'} as const;

/** The set of the broadcast addresses of subnets. */
const broadcasts = 'broadcasts';

/** Before and behind br_netfilter, which stands at 0 (NF_BR_PRI_BRNF). */
const attachments: ReadonlyMap<string, string> = new Map([
	['ingress', 'type filter hook prerouting priority -300; policy accept;'],
	['judge', 'type filter hook prerouting priority 100; policy accept;'],
	['known', 'type filter hook forward priority -100; policy accept;'],
	['egress', 'type filter hook forward priority 100; policy accept;'],
]);

/** @param previous what is installed; sets that can be changed in place keep their names */
export function renderBridge(plan: DevicePlan, previous: BridgeState = plainBridge): BridgeState {
	return renderWithSets(addressSets(plan), previous, {render: (sets, nameOf) => withSets(plan, sets, nameOf), linesOf: ({policy}) => policy});
}

/** The sets of peers that rules here name, and those of the defaults. */
function addressSets({rules, shared}: DevicePlan): AddressSet[] {
	const named = new Set(rules.flatMap(({from, to}) => [from, to]).flatMap(side => side.kind === 'set' ? [side.set] : []));
	const toMany = shared.broadcasts.map(({family, value}) => ({family, value, length: 32}));
	const all = [...setsOf(shared), shared.bound, {name: broadcasts, prefixes: toMany}].filter(({name}) => !shared.sets.has(name) || named.has(name));
	return [...new Map(all.map(set => [set.name, set])).values()];
}

function withSets(plan: DevicePlan, sets: InstalledSets, nameOf: NameOf): BridgeState {
	const policy = families.flatMap(family => [...judgeLines(plan, family, nameOf), ...copyLines(plan, family, receiversOf(plan, family), nameOf)]);
	const lines: readonly ContentLine[] = [...ingressLines(), ...knownLines(), ...judgeBaseLines(plan, nameOf), ...egressLines(plan), ...portLines(plan, nameOf), ...policy];
	return {
		frames: {
			table: {family: 'bridge', name: `securenet-${plan.device}`},
			chains: new Map([...attachments, ...[...new Set(lines.map(({chain}) => chain))].filter(chain => !attachments.has(chain)).map(chain => [chain, ''] as const)]),
			sets: new Map([...portSets(plan), ...namedSets(plan, policy, sets, nameOf)]),
			objects: objectsOf(policy),
			lines,
		},
		tracking: trackingTable(plan),
		zone: plan.zone,
		sets,
		policy,
	};
}

/** For one transaction; none when the states are equal. */
export function bridgeCommands(previous: BridgeState, next: BridgeState): string[] {
	const [from, to] = [tablesOf(previous), tablesOf(next)];
	return to.flatMap((table, index) => {
		const old = from[index] ?? table;
		return contentCommands(old, table.chains.size === 0 ? noContent(old.table) : table);
	});
}

/** One element or rule a line, as nft takes them. */
export function bridgeTexts(state: BridgeState): string[] {
	return tablesOf(state).flatMap(contentTexts);
}

export function tablesOf({frames, tracking}: BridgeState): Content[] {
	return [frames, tracking];
}

/** A frame leaves a bridge by another port of it, so both interfaces are this bridge's or neither is; nf_tables can not everywhere ask for the bridge. */
function knownLines(): ContentLine[] {
	const line = linesOf('known');
	return [
		line(`iifname != @${ports.all} oifname != @${ports.all}`, 'accept', 'elsewhere', 'not on this bridge'),
		...['iifname', 'oifname'].map(side => line(`${side} != @${ports.all}`, 'drop', `unknown ${side}`, 'an interface that is no port of the bridge in this lab')),
	];
}

function ingressLines(): ContentLine[] {
	return [linesOf('ingress')(`iifname vmap @${ports.from}`, '', 'from', 'by the port a frame comes from')].map(withoutCounter);
}

/** A look-up in a map of verdicts ends the line, so nothing counts there. */
function withoutCounter(line: ContentLine): ContentLine {
	return {...line, text: line.text.replace(' counter', '')};
}

/** In the order of a switch: port security, always allowed, multicast, connections, then the policy. */
function judgeBaseLines({shared}: DevicePlan, nameOf: NameOf): ContentLine[] {
	const line = linesOf('judge');
	const pass = `${setMark('unjudged')} accept`;
	const secured = `iifname @${ports.secured}`;
	const toMany = ['{ 224.0.0.0/4, 255.255.255.255, 0.0.0.0 }', ...shared.broadcasts.length === 0 ? [] : [`@${nameOf(broadcasts, 4)}`]];
	return [
		line(`iifname != @${ports.all}`, 'accept', 'elsewhere', 'not on this bridge'),
		line(isMarked('unjudged', 'other'), 'accept', 'unjudged', 'always allowed, or neither ARP nor IP'),
		line(isUnmarked('tracked'), 'drop', 'untracked', 'connection tracking has not seen it (net.bridge.bridge-nf-call-iptables)'),
		line('frag more-fragments 1', 'drop', 'headless', 'a first fragment that does not hold its header, which connection tracking lets pass as it is'),
		line(`${secured} icmpv6 type { 134, 135, 136 }`, 'drop', 'discovery', 'port security: neighbour discovery with an address of somebody else, or a router advertisement'),
		line(`${secured} ${listenerQuery}`, 'drop', 'query', 'port security: multicast listener queries come from routers'),
		...families.map(family => line(`${secured} ${dhcpServer[family]}`, 'drop', 'dhcp server', 'port security: DHCP answers come from servers')),
		...dhcpRenew.map(match => line(`${secured} ${match}`, pass, 'dhcp client', 'always allowed: DHCP client')),
		line(`${secured} ip6 saddr ::`, 'drop', 'no address', 'port security: only neighbour discovery comes from no address'),
		...[neighborDiscovery, routerSolicitation, `${listenerQuery} ip6 daddr ff00::/8`, listenerReports].map(match => line(`iifname != @${ports.secured} ${match}`, pass, 'address resolution', 'always allowed: address resolution')),
		...[...toMany.map(group => `ip daddr ${group}`), 'ip6 daddr ff00::/8'].map(match => line(match, `${setMark('multicast')} accept`, 'multicast', 'multicast is judged for each receiver')),
		line(isMarked('made'), 'accept', 'connection', 'part of a connection that a rule or the default allowed'),
		...families.map(family => line(`${dhcpServer[family]} ${ethernetNames[family]} daddr @${nameOf(builtIn.bound, family)}`, pass, 'dhcp answer', 'always allowed: answers to DHCP clients')),
		...families.map(family => line(`meta protocol ${ethernetNames[family]}`, `goto ${chainName('PFW', family)}`, 'policy', 'the rules, then the defaults')),
		line('', 'drop', 'not ip', 'not IP'),
	];
}

function egressLines(plan: DevicePlan): ContentLine[] {
	const line = linesOf('egress');
	const copies = isMarked('multicast');
	return [
		line(`oifname != @${ports.all}`, 'accept', 'elsewhere', 'not on this bridge'),
		line(`${copies} oifname != @${ports.judged}`, 'accept', 'unjudged copy', 'multicast: unjudged to other ports'),
		...families.filter(family => receiversOf(plan, family).size > 0).map(family =>
			line(`${copies} meta protocol ${ethernetNames[family]} oifname @${ports.judged}.${family}`, `goto ${chainName('COPY', family)}`, 'copy', 'multicast: judged for each bound host')),
		line(copies, 'drop', 'no receiver', 'multicast: the host has no address of the family'),
		withoutCounter(line(`oifname vmap @${ports.to}`, '', 'to', 'by the port a frame goes to')),
	];
}

function portSets(plan: DevicePlan): Array<[string, ContentSet]> {
	const set = (names: readonly string[]): ContentSet => ({kind: 'set', type: 'type ifname;', elements: elementsOf(names)});
	const map = (elements: ReadonlyMap<string, string>): ContentSet => ({kind: 'map', type: 'type ifname : verdict;', elements});
	return [
		[ports.all, set(plan.ports.map(port => interfaceOf(plan, port)))],
		[ports.secured, set(plan.guarded.filter(port => port.secured).map(({port}) => interfaceOf(plan, port)))],
		[ports.judged, set(judgedPorts(plan).map(({port}) => interfaceOf(plan, port)))],
		...families.map((family): [string, ContentSet] => [`${ports.judged}.${family}`, set([...receiversOf(plan, family).keys()])]),
		[ports.from, map(ingressMap(plan))],
		[ports.to, map(egressMap(plan))],
		[macs, {kind: 'set', type: 'type ether_addr;', elements: elementsOf(plan.guarded.filter(port => port.secured).map(({mac}) => mac))}],
		[advertised, {kind: 'set', type: `typeof ${targetField};`, elements: elementsOf(plan.shared.bound.prefixes.filter(({family}) => family === 6).map(targetText))}],
	];
}

/** The address sets that some line names, and for multicast those of the receivers whose addresses they hold. */
function namedSets(plan: DevicePlan, policy: readonly PolicyLine[], sets: InstalledSets, nameOf: NameOf): Array<[string, ContentSet]> {
	const prefixes = new Map(addressSets(plan).map(set => [set.name, set.prefixes]));
	const receivers = {4: receiversOf(plan, 4), 6: receiversOf(plan, 6)};
	const named = (of: 'sets' | 'receivers') => [...new Set(policy.flatMap(line => line[of]))];
	return families.flatMap(family => [
		...[...new Set([...named('sets'), builtIn.bound, ...family === 4 && plan.shared.broadcasts.length > 0 ? [broadcasts] : []])].flatMap(name => {
			const set = sets.get(name);
			return set ? [[nameOf(name, family), addressSet(family, set.elements[family])] as [string, ContentSet]] : [];
		}),
		...named('receivers').map((name): [string, ContentSet] =>
			[receiversName(nameOf(name, family)), {kind: 'set', type: 'type ifname;', elements: elementsOf(receiversIn(prefixes.get(name) ?? [], receivers[family]))}]),
	]);
}

function addressSet(family: Family, elements: Iterable<string>): ContentSet {
	return {kind: 'set', type: `type ipv${family}_addr; flags interval;`, elements: elementsOf(elements)};
}

function elementsOf(names: Iterable<string>): Map<string, string> {
	return new Map(Array.from(names, name => [name, '']));
}

function objectsOf(policy: readonly PolicyLine[]): Map<string, string> {
	return new Map(policy.flatMap(({counter, limit}) => [
		...counter === undefined ? [] : [[`counter ${counter}`, ''] as const],
		...limit ? [[`limit ${limit.name}`, ` { ${limit.text} ; }`] as const] : [],
	]));
}
