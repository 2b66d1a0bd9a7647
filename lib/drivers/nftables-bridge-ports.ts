/** What a secured port of a bridge may send, and what it may receive: a chain each, known by the name of its interface. */
import {formatPrefix, prefixOf, width} from '../util/address.ts';
import type {Family, Mac, Prefix} from '../util/address.ts';
import type {DevicePlan, GuardedPort} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import {union} from '../policy/prefix-set.ts';
import {guestsOf} from './claims.ts';
import {guestLines, guests, others} from './nftables-bridge-guests.ts';
import {linesOf, oneOf} from './nftables-bridge-line.ts';
import {clearMark, isMarked, setMark} from './nftables-bridge-marks.ts';
import type {ContentLine} from './nftables-content.ts';
import type {NameOf} from './nftables-lines.ts';

/** The two directions of DHCP (RFC 2131, RFC 8415), one match for each family. */
export const dhcpClient = {4: 'meta protocol ip udp sport 68 udp dport 67', 6: 'meta protocol ip6 udp sport 546 udp dport 547'} as const;
/** A client without an address asks everybody, one with an address everybody or the server that it knows; with IPv6 all servers, or one from its link-local address. */
export const dhcpDiscover = 'ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67';
export const dhcpRenew = [`${dhcpClient[4]} ip daddr != 224.0.0.0/4`, `${dhcpClient[6]} ip6 daddr ff02::1:2`, `${dhcpClient[6]} ip6 saddr fe80::/10 ip6 daddr != ff00::/8`] as const;
export const dhcpServer = {4: 'meta protocol ip udp sport 67 udp dport 68', 6: 'meta protocol ip6 udp sport 547 udp dport 546'} as const;

const families = [4, 6] as const;
const tags = '{ 8021q, 8021ad }';
export const toMany = 'ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00';
/** Straight behind the IPv6 header, so that no chain has to look behind others; a hop limit of 255 proves that no router forwarded it (RFC 4861). */
const discovery = (type: number) => `ip6 nexthdr ipv6-icmp ip6 hoplimit 255 icmpv6 type ${type} icmpv6 code 0`;
/** Multicast listener queries, which routers send (RFC 2710). */
export const listenerQuery = 'ip6 hoplimit 1 icmpv6 type 130';
/** Reports and dones (RFC 2710) and version 2 reports (RFC 3810) go to groups; link-local by their hop limit. */
export const listenerReports = 'ip6 daddr ff00::/8 ip6 hoplimit 1 icmpv6 type { 131, 132, 143 }';
/** To all routers: none of them is asked alone (RFC 4861, 4.1). */
export const routerSolicitation = 'ip6 daddr ff02::2 ip6 hoplimit 255 icmpv6 type 133';
/** The rest of neighbour discovery (RFC 4861): advertisements, solicitations, redirects. */
export const neighborDiscovery = 'ip6 hoplimit 255 icmpv6 type { 134, 135, 136, 137 }';

export const chainFrom = (port: number) => `port-${port}`;
export const chainTo = (port: number) => `to-${port}`;
/** MACs of secured hosts. */
export const macs = 'macs';

/** The name that a port's interface has unless the topology gives it another. */
export function interfaceOf({device, interfaces}: Pick<DevicePlan, 'device' | 'interfaces'>, port: number): string {
	return `"${interfaces?.get(port) ?? `${device}-eth${port}`}"`;
}

/** The lines of all chains that know ports: `ingress` and `egress` lead there. */
export function portLines(plan: DevicePlan, nameOf: NameOf): ContentLine[] {
	return [...otherLines(), ...guestLines(plan, port => interfaceOf(plan, port), nameOf), ...plan.guarded.filter(({secured}) => secured).flatMap(port => remember(linesByPort, port, () => [...fromLines(port), ...toLines(port)]))];
}

/** A port that a change leaves as it was is the same object, and so are its lines. */
const linesByPort = new WeakMap<GuardedPort, readonly ContentLine[]>();

/** Interface to the chain of what comes from it. */
export function ingressMap(plan: DevicePlan): Map<string, string> {
	const chainOf = new Map([...guestsOf(plan).map(({port}) => [port, guests] as const), ...plan.guarded.filter(({secured}) => secured).map(({port}) => [port, chainFrom(port)] as const)]);
	return new Map(plan.ports.map(port => [interfaceOf(plan, port), `goto ${chainOf.get(port) ?? others}`]));
}

/** Interface to the chain of what goes to it, for secured ports only. */
export function egressMap(plan: DevicePlan): Map<string, string> {
	return new Map(plan.guarded.filter(({secured}) => secured).map(({port}) => [interfaceOf(plan, port), `goto ${chainTo(port)}`]));
}

function otherLines(): ContentLine[] {
	const line = linesOf(others);
	return [
		line('', clearMark, 'clean', 'marks of another bridge mean nothing here'),
		// The bridge would learn that the host is there, and send its packets that way.
		line(`ether saddr @${macs}`, 'drop', 'mac', 'the MAC of a secured host, from elsewhere'),
		// A host takes what is in it as if it had none, and a bridge cannot take it off to look.
		...['8021q', '8021ad'].map(type => line(`ether type ${type} vlan id 0`, 'drop', 'priority tag', 'a priority tag hides nothing')),
		line(`ether type ${tags}`, `${setMark('other')} accept`, 'tagged', 'tagged frames are neither ARP nor IP here'),
		line('ether type arp', `${setMark('unjudged')} accept`, 'arp', 'always allowed: address resolution'),
		line('ether type { ip, ip6 }', 'accept', 'ip', 'IP is judged'),
		line('', `${setMark('other')} accept`, 'other', 'neither ARP nor IP'),
	];
}

/** Where the host may send from, and what it may receive. */
function ownPrefixes({addresses, allowed}: GuardedPort, family: Family): Prefix[] {
	return union([...addresses.map(prefixOf), ...allowed].filter(prefix => prefix.family === family));
}

/** Makes lines of one port's chain. */
type PortLine = ReturnType<typeof linesOf>;

function fromLines(guarded: GuardedPort): ContentLine[] {
	const {port, mac, host} = guarded;
	const line: PortLine = (match, verdict, what, why) => linesOf(chainFrom(port))(match, verdict, `port ${port} ${what}`, why);
	return [
		line('', clearMark, 'clean', 'marks of another bridge mean nothing here'),
		line(`ether saddr != ${mac}`, 'drop', 'mac', `port security: not the MAC of ${host}`),
		line(`ether type ${tags}`, 'drop', 'tag', `port security: ${host} sends no tagged frames`),
		...familyFour(guarded, line),
		...familySix(guarded, line),
		line('', 'drop', 'spoof', `port security: not an address of ${host}`),
	];
}

function familyFour(guarded: GuardedPort, line: PortLine): ContentLine[] {
	const {host, mac} = guarded;
	const own = ownPrefixes(guarded, 4);
	const pass = `${setMark('unjudged')} accept`;
	return [
		...own.length === 0 ? [] : [
			line(among('ip saddr', own), 'accept', 'own ip', `${host}: own address`),
			line(`arp saddr ether ${mac} ${among('arp saddr ip', own)}`, pass, 'arp', `${host}: ARP for own addresses`),
			// RFC 5227: asks whether anybody else has the address.
			line(`arp operation request arp saddr ether ${mac} arp saddr ip 0.0.0.0 ${among('arp daddr ip', own)}`, pass, 'arp probe', `${host}: ARP probe for own addresses`),
		],
		line(dhcpDiscover, pass, 'dhcp', `${host}: DHCP client`),
	];
}

/**
A discovery message must not tell another link-layer address than the host's, nor probe for or advertise another address. A
chain reads the first option only, so there may be no second; what is left goes on and is refused once its fragments are put together.
*/
function familySix(guarded: GuardedPort, line: PortLine): ContentLine[] {
	const {host, mac} = guarded;
	const own = ownPrefixes(guarded, 6);
	const [from, anyFrom] = [among('ip6 saddr', own), among('ip6 saddr', [...own, {family: 6, value: 0n, length: 128}])];
	const pass = (match: string, label: string, why: string) => line(match, `${setMark('unjudged')} accept`, label, `${host}: ${why}`);
	return own.length === 0 ? [] : [
		...own.flatMap(prefix => [noOption, nonce].map(option => pass(`ip6 saddr :: ${discovery(135)} ${option} ${target(prefix)}`, 'dad', 'duplicate address detection for own addresses'))),
		...[noOption, linkLayerOption(1, mac)].map(option => pass(`${from} ${discovery(135)} ${option}`, 'ns', 'neighbour solicitation')),
		...own.flatMap(prefix => [noOption, linkLayerOption(2, mac)].map(option => pass(`${from} ${discovery(136)} ${option} ${target(prefix)}`, 'na', 'neighbour advertisement of own addresses'))),
		pass(`${anyFrom} ip6 daddr ff02::2 ${discovery(133)}`, 'rs', 'router solicitation'),
		pass(`${anyFrom} ${listenerReports}`, 'mld', 'multicast listener discovery'),
		line(from, 'accept', 'own ip6', `${host}: own address`),
	];
}

const noOption = 'ip6 length 24';
/** Of RFC 7527: tells a host's own probe that comes back from somebody else's. */
const nonce = 'ip6 length 32 @th,192,8 14';

/** The option's type, its length of 8 bytes, and the address (RFC 4861). */
function linkLayerOption(type: number, mac: Mac): string {
	return `ip6 length 32 @th,192,64 0x0${type}01${mac.replaceAll(':', '')}`;
}

/** The address that a discovery message is about stands 8 bytes behind its begin. */
function target({value, length}: Prefix): string {
	return length === 0 ? '' : `@th,64,${length} 0x${(value >> BigInt(width(6) - length)).toString(16)}`;
}

function among(field: string, prefixes: readonly Prefix[]): string {
	// nft takes no prefix of length 0, and it would say nothing; the field's name alone has to stay a match.
	return prefixes.some(({length}) => length === 0) ? everyOf(field) : `${field} ${oneOf(prefixes.map(formatPrefix))}`;
}

function everyOf(field: string): string {
	return field.startsWith('ip6') ? 'meta protocol ip6' : field.startsWith('ip') ? 'meta protocol ip' : '';
}

/**
The policy judges a packet by its IP address, a host takes it by its MAC: a secured port gets only what is meant for an address that it is judged by.
A packet for one address in a frame to many goes to the secured host that has the address and to no other. ARP is not touched.
*/
function toLines(guarded: GuardedPort): ContentLine[] {
	const {port, mac, host, addresses} = guarded;
	const line: PortLine = (match, verdict, what, why) => linesOf(chainTo(port))(match, verdict, `to ${port} ${what}`, why);
	return [
		line(isMarked('other'), 'drop', 'other', `neither ARP nor IP: never to ${host}`),
		line('ether type arp', 'accept', 'arp', 'always allowed: address resolution'),
		...families.map(family => line(dhcpClient[family], 'drop', 'dhcp', `port security: ${host} is no DHCP server`)),
		line(`${isMarked('unjudged')} ip6 daddr ff00::/8`, 'accept', 'discovery', 'neighbour discovery is for everybody'),
		...families.flatMap(family => {
			const [field, own, single] = [family === 4 ? 'ip daddr' : 'ip6 daddr', ownPrefixes(guarded, family), union(addresses.filter(address => address.family === family).map(prefixOf))];
			return [
				...own.length === 0 ? [] : [line(`ether daddr ${mac} ${among(field, own)}`, 'accept', 'own', `to ${host}: own address`)],
				...single.length === 0 ? [] : [line(`${toMany} ${among(field, single)}`, 'accept', 'many', `to ${host} in a frame to many: own address`)],
			];
		}),
		line('', 'drop', 'foreign', `port security: not an address of ${host}`),
	];
}
