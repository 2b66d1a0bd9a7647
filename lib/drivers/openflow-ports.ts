/** The stages that know a switch's own ports: which are guarded, what may come from them, who gets a copy of a multicast. */
import {formatAddress, formatPrefix, prefixOf} from '../util/address.ts';
import type {Family, Prefix} from '../util/address.ts';
import type {DevicePlan, GuardedPort} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import {dhcpDiscover, dhcpRenew, dhcpServer, dhcpToGroups, dhcpToServers} from './dhcp.ts';
import {makeFlow} from './flow.ts';
import type {Flow} from './flow.ts';
import {guestFlows} from './openflow-claims.ts';
import {matchPrefix} from './openflow-classes.ts';
import {priority, setReceiver, table} from './pipeline.ts';

const untagged = 'vlan_tci=0x0000/0x1000';
const tagged = 'vlan_tci=0x1000/0x1000';
/** A tag of VLAN 0 carries a priority and nothing else; hosts take what is in it as if it had none. */
const priorityTagged = 'vlan_tci=0x1000/0x1fff';
const forward = `goto_table:${table.forward}`;
const judge = `goto_table:${table.cast}`;
/** To all routers: none of them is asked alone (RFC 4861, 4.1). */
const routerSolicitation = 'icmp6,icmp_type=133,icmp_code=0,nw_ttl=255,ipv6_dst=ff02::2';
const neighborSolicitation = 'icmp6,icmp_type=135,icmp_code=0,nw_ttl=255';
const neighborAdvertisement = 'icmp6,icmp_type=136,icmp_code=0,nw_ttl=255';
const unspecified = 'ipv6_src=::';
const noLinkLayer = '00:00:00:00:00:00';
/** Multicast listener queries, which routers send (RFC 2710). */
const listenerQuery = 'icmp6,icmp_type=130,nw_ttl=1';
/** Reports and dones (RFC 2710) and version 2 reports (RFC 3810) go to groups; link-local by their hop limit. */
const listenerReports = [131, 132, 143].map(type => `icmp6,icmp_type=${type},nw_ttl=1,ipv6_dst=ff00::/8`);
/** The rest of neighbour discovery (RFC 4861): advertisements, solicitations, redirects. A hop limit of 255 proves that no router forwarded it. */
const neighborDiscovery = [134, 135, 136, 137].map(type => `icmp6,icmp_type=${type},nw_ttl=255`);

/** Ports whose multicast and broadcast are judged: those of bound hosts, and with isolation `all` everybody's who has not lifted port security. */
export function judgedPorts({guarded, shared}: DevicePlan): GuardedPort[] {
	return guarded.filter(({secured, bound}) => secured || (shared.isolation === 'all' && !bound));
}

export function portFlows(plan: DevicePlan): Flow[] {
	const secured = plan.guarded.filter(port => port.secured);
	return [
		...secured.flatMap(securedFlows),
		...classifyOthers(),
		...guestFlows(plan),
		makeFlow(table.antispoof, priority.miss, '', 'drop', 'port security: not an address of the host behind the port'),
		...protocolOfAll(),
		...multicastFlows(plan),
		makeFlow(table.other, priority.miss, '', otherAction(plan), 'neither ARP nor IP: never to a secured port'),
	];
}

const flowsOf = new WeakMap<GuardedPort, readonly Flow[]>();

/** A port that a change leaves as it was is the same object, and so are its flows. */
function securedFlows(port: GuardedPort): readonly Flow[] {
	return remember(flowsOf, port, () => [...classifySecured(port), ...antispoofFlows(port), ...protocolFlows(port)]);
}

function classifySecured({port, mac, host}: GuardedPort): Flow[] {
	return [
		makeFlow(table.classify, priority.high + 1, `in_port=${port},${untagged}`, `goto_table:${table.antispoof}`, `port ${port} is secured: ${host}`),
		makeFlow(table.classify, priority.high, `in_port=${port}`, 'drop', `port ${port} is secured: ${host} sends no tagged frames`),
		// The switch would learn that the host is there, and send its packets that way.
		makeFlow(table.classify, priority.high - 1, `dl_src=${mac}`, 'drop', `the MAC of ${host}, from elsewhere`),
	];
}

function classifyOthers(): Flow[] {
	const at = (level: number, match: string, next: number, why: string) => makeFlow(table.classify, level, match, `goto_table:${next}`, why);
	return [
		makeFlow(table.classify, priority.middle + 2, priorityTagged, `pop_vlan,resubmit(,${table.classify})`, 'a priority tag hides nothing'),
		at(priority.middle + 1, tagged, table.other, 'tagged frames are neither ARP nor IP here'),
		...['arp', routerSolicitation, ...neighborDiscovery, `${listenerQuery},ipv6_dst=ff00::/8`, ...listenerReports].map(match => at(priority.middle - 1, match, table.forward, 'always allowed: address resolution')),
		...['ip', 'ipv6'].map(match => at(priority.low, match, table.cast, 'IP is judged')),
		at(priority.miss, '', table.other, 'neither ARP nor IP'),
	];
}

function antispoofFlows(guarded: GuardedPort): Flow[] {
	const {port, mac, host} = guarded;
	const own = ownPrefixes(guarded);
	const pass = (match: string, next: number, why: string) =>
		makeFlow(table.antispoof, priority.low, `in_port=${port},dl_src=${mac},${match}`, `goto_table:${next}`, `${host}: ${why}`);
	return [
		...own.map(prefix => pass(matchPrefix('source', prefix), table.protocol, `own address ${formatPrefix(prefix)}`)),
		...own.filter(({family}) => family === 4).flatMap(prefix => arpMatches(prefix, mac).map(match => pass(match, table.forward, `ARP for ${formatPrefix(prefix)}`))),
		...own.some(({family}) => family === 6) ? [pass(`icmp6,${unspecified}`, table.protocol, 'neighbour discovery before it has an address')] : [],
		pass(dhcpDiscover, table.forward, 'DHCP client'),
	];
}

/** Where the host may send from, and what it may receive: each once. */
export function ownPrefixes({addresses, allowed}: GuardedPort): Prefix[] {
	const own = [...addresses.map(prefixOf), ...allowed];
	return own.filter((prefix, index) => own.findIndex(other => formatPrefix(other) === formatPrefix(prefix)) === index);
}

/** From an own address, and the probe of RFC 5227 that asks whether anybody else has it. */
function arpMatches(prefix: Prefix, mac: string): string[] {
	const own = prefix.length === 0 ? ['', ''] : [`,arp_spa=${formatPrefix(prefix)}`, `,arp_tpa=${formatPrefix(prefix)}`];
	return [`arp,arp_sha=${mac}${own[0] ?? ''}`, `arp,arp_op=1,arp_sha=${mac},arp_spa=0.0.0.0${own[1] ?? ''}`];
}

/** A discovery message must not tell another link-layer address than the host's, nor probe for or advertise another address. */
function protocolFlows(guarded: GuardedPort): Flow[] {
	const {port, mac, host} = guarded;
	const macs = [mac, noLinkLayer];
	const own = ownPrefixes(guarded).filter(({family}) => family === 6);
	const pass = (level: number, match: string, why: string) => makeFlow(table.protocol, level, `in_port=${port},${match}`, forward, `${host}: ${why}`);
	return own.length === 0 ? [] : [
		...own.map(prefix => pass(priority.high + 2, `${neighborSolicitation},${unspecified},nd_sll=${noLinkLayer}${target(prefix)}`, `duplicate address detection for ${formatPrefix(prefix)}`)),
		...macs.map(linkLayer => pass(priority.high, `${neighborSolicitation},nd_sll=${linkLayer}`, 'neighbour solicitation')),
		...own.flatMap(prefix => macs.map(linkLayer =>
			pass(priority.high, `${neighborAdvertisement},nd_tll=${linkLayer}${target(prefix)}`, `neighbour advertisement of ${formatPrefix(prefix)}`))),
	];
}

function target(prefix: Prefix): string {
	return prefix.length === 0 ? '' : `,nd_target=${formatPrefix(prefix)}`;
}

function protocolOfAll(): Flow[] {
	const drop = (level: number, match: string, why: string) => makeFlow(table.protocol, level, match, 'drop', `port security: ${why}`);
	return [
		drop(priority.high + 1, `icmp6,icmp_type=135,${unspecified}`, 'duplicate address detection for an address of somebody else'),
		...[135, 136].map(type => drop(priority.middle, `icmp6,icmp_type=${type}`, 'neighbour discovery with an address of somebody else')),
		drop(priority.middle, 'icmp6,icmp_type=134', 'router advertisements come from routers'),
		...dhcpServer.map(match => drop(priority.middle, match, 'DHCP answers come from servers')),
		drop(priority.middle, listenerQuery, 'multicast listener queries come from routers'),
		...[routerSolicitation, ...listenerReports].map(match => makeFlow(table.protocol, priority.middle, match, forward, 'always allowed: neighbour discovery')),
		makeFlow(table.protocol, priority.middle + 2, dhcpToServers, forward, 'always allowed: DHCP client'),
		...dhcpToGroups.map(match => makeFlow(table.protocol, priority.middle + 1, match, judge, 'no DHCP server is there')),
		...dhcpRenew.map(match => makeFlow(table.protocol, priority.middle, match, forward, 'always allowed: DHCP client')),
		drop(priority.low, `ipv6,${unspecified}`, 'only neighbour discovery comes from no address'),
		makeFlow(table.protocol, priority.miss, '', judge, 'IP is judged'),
	];
}

/**
The copy for a judged port is looked up as if it were sent to the host there; `permit` takes the true destination from
the stack again. OVS never sends a copy back to the port the packet came from.
*/
function multicastFlows(plan: DevicePlan): Flow[] {
	const judged = judgedPorts(plan);
	const others = outputs(plan, judged);
	const flow = (match: string, actions: readonly string[]) => makeFlow(table.multicast, priority.low, match, actions.join(',') || 'drop', 'multicast: judged for each bound host, unjudged to other ports');
	return [
		...judged.length === 0
			? ['ip', 'ipv6'].map(match => flow(match, ['NORMAL']))
			: [flow('ip', ['push:NXM_OF_IP_DST[]', ...copies(judged, 4), ...others]), flow('ipv6', ['push:NXM_NX_IPV6_DST[]', ...copies(judged, 6), ...others])],
		makeFlow(table.multicast, priority.miss, '', 'drop', 'not IP'),
	];
}

/** A host without an address of the family gets no copy: there is nobody to judge. */
function copies(judged: readonly GuardedPort[], family: Family): string[] {
	return judged.flatMap(({port, addresses}) => {
		const address = addresses.find(own => own.family === family);
		const field = family === 4 ? 'ip_dst' : 'ipv6_dst';
		return address ? [`clone(${setReceiver(port)},set_field:${formatAddress(address)}->${field},resubmit(,${table.destination}))`] : [];
	});
}

function otherAction(plan: DevicePlan): string {
	const secured = plan.guarded.filter(port => port.secured);
	return secured.length === 0 ? 'NORMAL' : outputs(plan, secured).join(',') || 'drop';
}

function outputs({ports}: DevicePlan, without: readonly GuardedPort[]): string[] {
	const left = new Set(without.map(({port}) => port));
	return ports.filter(port => !left.has(port)).map(port => `output:${port}`);
}
