/** What a running node does with packets that are not its own, as its kernel has it: forwarding, answers for others, the reverse path filter, MTUs. */
import {type Namespace, inside} from '../kernel/namespace.ts';
import {mtuOf, setMtu} from '../kernel/mtu.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import {getSysctl} from '../kernel/sysctl.ts';
import {type ReversePathFilter, reversePathFilters} from '../topology/routing-options.ts';
import {isSysctlValue, sysctlName} from '../topology/sysctls.ts';
import type {Family} from '../util/address.ts';
import {InputError, KernelError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {Configurable} from './configurable.ts';
import {indexOf, interfaceNames, requireStation} from './names.ts';
import {type Setting, readSetting, writeSettings} from './sysctls.ts';

export type InterfaceSettings = {
	readonly name: string;
	/** Bytes. */
	readonly mtu: number;
	/** What holds: for each setting the stricter of its own and that of all interfaces. */
	readonly rpFilter: ReversePathFilter;
	readonly proxyArp: boolean;
	/** Absent where the node has IPv6 switched off. */
	readonly proxyNdp?: boolean;
};

export type NodeSettings = {
	/** Of IPv4. */
	readonly forwarding: boolean;
	/** Of IPv6; absent where the node has it switched off. */
	readonly forwarding6?: boolean;
	readonly interfaces: readonly InterfaceSettings[];
};

/** Bytes: ETH_MIN_MTU of linux/if_ether.h, what fits an IPv4 packet, the least of IPv6 (RFC 8200, section 5). */
const mtus = {least: 68, most: 65_535, ipv6: 1280} as const;

/** @throws KernelError */
export function nodeSettings(node: Configurable): NodeSettings {
	requireStation(node);
	const {namespace} = node;
	const ipv6 = speaksIpv6(namespace);
	const names = interfaceNames(node);
	const number = (name: string) => Number(getSysctl(name));
	const effective = (family: string, name: string, setting: string) => Math.max(number(`net/${family}/conf/all/${setting}`), number(`net/${family}/conf/${name}/${setting}`));
	const mtuByName = new Map(names.map(name => [name, mtuOf(namespace, name)]));
	return inside(namespace, () => ({
		forwarding: number('net/ipv4/ip_forward') === 1,
		...ipv6 ? {forwarding6: number('net/ipv6/conf/all/forwarding') === 1} : {},
		interfaces: names.map(name => ({
			name,
			mtu: mtuByName.get(name) ?? 0,
			rpFilter: reversePathFilters[effective('ipv4', name, 'rp_filter')] ?? 'off',
			proxyArp: effective('ipv4', name, 'proxy_arp') === 1,
			...ipv6 ? {proxyNdp: effective('ipv6', name, 'proxy_ndp') === 1} : {},
		})),
	}));
}

/** @throws InputError `no-ipv6`; KernelError */
export function setForwarding(node: Configurable, on: boolean, family: Family): void {
	if (family === 6) {
		requireIpv6(node);
	}

	write(node, [[family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding', Number(on)]]);
}

/** Answers come at once: the kernel would hold them back for a random 0–0.8 s. @param name default: all interfaces, those to come included */
export function setProxyArp(node: Configurable, on: boolean, name?: string): void {
	write(node, [...perInterface(node, 'ipv4', 'proxy_arp', Number(on), name), ...on ? withoutDelay(node, 'ipv4', name) : []]);
}

/** The caller sees to the entries: `answerForRoutes`. */
export function setProxyNdp(node: Configurable, on: boolean, name?: string): void {
	requireIpv6(node);
	write(node, [...perInterface(node, 'ipv6', 'proxy_ndp', Number(on), name), ...on ? withoutDelay(node, 'ipv6', name) : []]);
}

/** See ip-sysctl, rp_filter. @param name default: all interfaces, those to come included */
export function setReversePathFilter(node: Configurable, filter: ReversePathFilter, name?: string): void {
	write(node, perInterface(node, 'ipv4', 'rp_filter', reversePathFilters.indexOf(filter), name));
}

/** @throws InputError `mtu`, `unknown-interface`; KernelError with the kernel's reason */
export function setInterfaceMtu(node: Configurable, bytes: number, name: string): void {
	requireStation(node);
	const index = indexOf(node, name);
	const least = speaksIpv6(node.namespace) ? mtus.ipv6 : mtus.least;
	if (!Number.isInteger(bytes) || bytes < least || bytes > mtus.most) {
		throw new InputError('mtu', `The MTU ${bytes} is out of range. Give ${least} to ${mtus.most} bytes${least === mtus.ipv6 ? ': below that the kernel switches IPv6 off' : ''}.`, {expected: ['bytes']});
	}

	using rtnetlink = new Rtnetlink(node.namespace);
	setMtu(rtnetlink, {name, index}, bytes);
	rtnetlink.flush();
}

/** @param text such as `net/ipv4/tcp_syncookies` or `net.ipv4.tcp_syncookies` @throws InputError `unknown-sysctl`, `sysctl` */
export function nodeSysctl(node: Configurable, text: string): string {
	requireStation(node);
	return inside(node.namespace, () => readSetting(checkedName(text)));
}

/** @throws as nodeSysctl */
export function setNodeSysctl(node: Configurable, text: string, value: string | number): void {
	if (!isSysctlValue(value)) {
		throw new InputError('sysctl', `A kernel setting cannot be "${printable(String(value))}". Give a number or words on one line.`, {expected: ['value']});
	}

	write(node, [[checkedName(text), value]]);
}

function checkedName(text: string): string {
	const name = sysctlName(text);
	if (name === undefined) {
		throw new InputError('sysctl', `"${printable(text)}" is no kernel setting of a node's own. Those begin with net, such as net/ipv4/tcp_syncookies.`, {expected: ['setting']});
	}

	return name;
}

function write(node: Configurable, settings: readonly Setting[]): void {
	requireStation(node);
	inside(node.namespace, () => {
		writeSettings(settings);
	});
}

/** For one interface, or for all of them and those to come. What holds for all in any case is taken back: it could not be switched off for one. */
function perInterface(node: Configurable, family: 'ipv4' | 'ipv6', setting: string, value: number, name: string | undefined): Setting[] {
	if (name !== undefined) {
		indexOf(node, name);
		return [[`net/${family}/conf/${name}/${setting}`, value]];
	}

	return [[`net/${family}/conf/all/${setting}`, 0], ...['default', ...interfaceNames(node)].map((each): Setting => [`net/${family}/conf/${each}/${setting}`, value])];
}

/** The kernel has no default of it for new interfaces outside the first namespace. */
function withoutDelay(node: Configurable, family: 'ipv4' | 'ipv6', name: string | undefined): Setting[] {
	return (name === undefined ? interfaceNames(node) : [name]).map(each => [`net/${family}/neigh/${each}/proxy_delay`, 0]);
}

function requireIpv6(node: Configurable): void {
	requireStation(node);
	if (!speaksIpv6(node.namespace)) {
		throw new InputError('no-ipv6', `${node.plan.name} has IPv6 switched off, because nobody around it has an IPv6 address. Give one in the topology, or write settings = {ipv6: true} there.`);
	}
}

/** As the kernel has it: see `applySettings`. */
function speaksIpv6(namespace: Namespace): boolean {
	return inside(namespace, () => {
		try {
			return getSysctl('net/ipv6/conf/default/disable_ipv6') === '0';
		} catch (error) {
			if (error instanceof KernelError && error.errno === 'ENOENT') {
				return false;
			}

			throw error;
		}
	});
}
