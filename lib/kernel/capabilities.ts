/** What this machine and its kernel can do, asked by trying in a throw-away namespace, with a sentence for everything that is missing. */
import {MachineError, messageOf} from '../util/errors.ts';
import {hasZones} from './conntrack.ts';
import {type Namespace, createNamespaces, deleteNamespaces, home} from './namespace.ts';
import {type Output, ProgramError, run} from './process.ts';
import {findProgram, installHint} from './programs.ts';
import {Rtnetlink, RtnetlinkError} from './rtnetlink.ts';

export type Capability = {
	readonly name: string;
	readonly available: boolean;
	/** What it is for; when it is missing also what was tried and what came back. */
	readonly detail: string;
	/** What to do about it; only when it is missing. */
	readonly cure?: string;
};

/** A thing the kernel may be able to do: how to find out, what for, what takes its place where it is missing, and the module that nobody may have loaded. */
type Probe = {readonly name: string; readonly use: string; readonly argv: readonly string[]; readonly input?: string; readonly otherwise?: string; readonly module?: string};

const programs: Readonly<Record<string, string>> = {
	'ovs-vswitchd': 'runs the switches',
	'ovsdb-server': 'keeps the configuration of the switches',
	'ovs-ofctl': 'lists the flows of the switches',
	'iptables-restore': 'writes the rules of perimeter firewalls',
	'ip6tables-restore': 'writes the IPv6 rules of perimeter firewalls',
	'ipset': 'keeps the address sets of perimeter firewalls',
	'conntrack': 'shows the connections of perimeter firewalls',
	'conntrackd': 'tells one perimeter firewall the connections of another one',
	'gobgpd': 'tells edge routers by BGP where hosts are',
	'ping': 'for the prompt',
	'iperf3': 'measures bandwidth',
	'tcpdump': 'shows traffic',
	'ssh': 'the near end of SSH tunnels',
	'sshd': 'the far end of SSH tunnels',
	'ssh-keygen': 'makes the keys of SSH tunnels',
	'ip': 'for the prompt, and to ask the kernel',
	'tc': 'for the prompt, and to ask the kernel',
};

const probes: readonly Probe[] = [
	link('veth', 'joins nodes', 'type', 'veth', 'peer', 'name', 'probe-peer'),
	link('bridge', 'Linux bridges', 'type', 'bridge'),
	{name: 'nf_tables', use: 'iptables, newer back end', argv: ['iptables-nft', '--new-chain', 'probe'], otherwise: 'The legacy back end does the same.'},
	{name: 'legacy iptables', use: 'iptables, older back end', argv: ['iptables-legacy', '--new-chain', 'probe'], otherwise: 'The nf_tables back end does the same.'},
	{name: 'nft tables of inet', use: 'perimeter firewalls by nftables', argv: ['nft', 'add', 'table', 'inet', 'probe']},
	{name: 'nft tables of bridge', use: 'firewalls of Linux bridges', argv: ['nft', 'add', 'table', 'bridge', 'probe'], otherwise: 'Open vSwitch enforces rules without it.'},
	{name: 'ipset', use: 'address sets', argv: ['ipset', 'create', 'probe', 'hash:net']},
	{name: 'conntrack', use: 'stateful rules', argv: ['iptables-restore', '--noflush'], input: '*filter\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n'},
	{name: 'sctp', use: 'rules about ports of SCTP', argv: ['iptables-restore', '--noflush'], input: '*filter\n-A FORWARD -p sctp -m sctp --dport 9 -j ACCEPT\nCOMMIT\n', module: 'xt_sctp'},
	{name: 'NFLOG', use: 'perimeter firewalls report what rules with log decide', argv: ['iptables-restore', '--noflush'], input: '*filter\n-A FORWARD -j NFLOG --nflog-group 1\nCOMMIT\n'},
	{name: 'br_netfilter', use: 'rules on Linux bridges', argv: ['cat', '/proc/sys/net/bridge/bridge-nf-call-iptables'], otherwise: 'Open vSwitch enforces rules without it.', module: 'br_netfilter'},
	{name: 'ipv6', use: 'IPv6', argv: ['ip', 'address', 'add', 'fd00::1/128', 'dev', 'lo']},
	link('ip_gre', 'GRE tunnels', 'type', 'gre', 'local', '127.0.0.1', 'remote', '127.0.0.2'),
	link('vxlan', 'VXLAN tunnels', 'type', 'vxlan', 'id', '1', 'dstport', '4789'),
	{name: 'tun', use: 'tunnels through programs', argv: ['ip', 'tuntap', 'add', 'tun', 'mode', 'tun'], module: 'tun'},
	link('vrf', 'several routing tables in one router', 'type', 'vrf', 'table', '10'),
	{name: '8021q', use: 'VLAN interfaces', argv: ['ip', 'link', 'add', 'link', 'probe-veth', 'name', 'probe-8021q', 'type', 'vlan', 'id', '5']},
	link('dummy', 'interfaces without a link', 'type', 'dummy'),
	link('ifb', 'shaping of incoming traffic', 'type', 'ifb'),
	queue('netem', 'delay and loss', 'delay', '1ms'),
	queue('tbf', 'rate limits', 'rate', '1mbit', 'burst', '10kb', 'latency', '1ms'),
	queue('htb', 'rate limits in classes'),
];

let asked: Promise<readonly Capability[]> | undefined;

/** Everything, asked once. Needs root for what the kernel is asked; without, those say so. */
export async function capabilities(): Promise<readonly Capability[]> {
	asked ??= ask();
	return asked;
}

/**
Refuses to go on without root or a program. Starts nothing and takes under a millisecond, so that `up` can afford it.

@param names `root` and names of programs
@throws MachineError `machine` with a sentence for each that is missing
*/
export function requireCapabilities(names: readonly string[]): void {
	const missing = names.map(name => name === 'root' ? root() : program(name)).filter(({available}) => !available);
	if (missing.length > 0) {
		throw new MachineError('machine', missing.map(({detail, cure}) => `${detail} ${cure ?? ''}`.trim()).join('\n'));
	}
}

/** How an Open vSwitch carries packets: by its own userspace datapath or by the kernel's. */
export type Datapath = 'netdev' | 'system';

/** The kernel's datapath where the kernel has one for Open vSwitch and tracks connections by zone, as each switch needs one of its own; else the userspace one. */
export function datapath(): Datapath {
	if (!chosen) {
		const module = hasDatapath();
		chosen = datapathOf(module, module && hasZones(home));
	}

	return chosen;
}

/** What a kernel with these answers is good for: without zones it would refuse a switch's flows. */
export function datapathOf(module: boolean, zones: boolean): Datapath {
	return module && zones ? 'system' : 'netdev';
}

let chosen: Datapath | undefined;

/**
Asking for its generic netlink family also makes a kernel with modules load it.
Equivalent to: `genl ctrl get name ovs_datapath`
*/
function hasDatapath(): boolean {
	using netlink = new Rtnetlink(home, undefined, NETLINK_GENERIC);
	try {
		netlink.add(GENL_ID_CTRL, 0, {operation: 'get family', object: 'ovs_datapath'}, request => {
			request.fixed(4, header => {
				header[0] = CTRL_CMD_GETFAMILY;
				header[1] = 1;
			}).attribute(CTRL_ATTR_FAMILY_NAME, 'ovs_datapath');
		});
		netlink.flush();
		return true;
	} catch (error) {
		if (error instanceof RtnetlinkError && error.errno === 'ENOENT') {
			return false;
		}

		throw error;
	}
}

/** Numbers of linux/netlink.h and linux/genetlink.h. */
const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_NAME = 2;

async function ask(): Promise<readonly Capability[]> {
	const here = [root(), ...Object.keys(programs).map(program)];
	return root().available ? [...here, ...await askKernel()] : here;
}

function root(): Capability {
	const available = process.getuid?.() === 0;
	return available ? {name: 'root', available, detail: 'makes namespaces and links'} : {name: 'root', available, detail: 'A lab needs root, to make namespaces and links.', cure: 'Start it with sudo.'};
}

function program(name: string): Capability {
	const use = programs[name] ?? '';
	const path = findProgram(name);
	return path === undefined
		? {name, available: false, detail: `The program ${name} is missing${use === '' ? '' : ` (${use})`}.`, cure: installHint(name)}
		: {name, available: true, detail: `${use} (${path})`};
}

async function askKernel(): Promise<Capability[]> {
	let namespace: Namespace | undefined;
	try {
		[namespace] = createNamespaces([`securenet-probe-${process.pid}`]);
	} catch (error) {
		return [{name: 'namespaces', available: false, detail: `Nodes are network namespaces; making one failed: ${messageOf(error)}.`, cure: 'Use a kernel with CONFIG_NET_NS, outside of a container without CAP_SYS_ADMIN.'}];
	}

	const answers: Capability[] = [{name: 'namespaces', available: true, detail: 'nodes'}, datapathCapability()];
	try {
		// One after the other: some ask about what an earlier one made.
		for (const probe of probes) {
			answers.push(await answer(probe, namespace));
		}
	} finally {
		deleteNamespaces(namespace ? [namespace] : []);
	}

	return answers;
}

function datapathCapability(): Capability {
	const name = 'openvswitch datapath';
	if (datapath() === 'system') {
		return {name, available: true, detail: 'switches forward in the kernel'};
	}

	const missing = hasDatapath() ? 'The kernel has an Open vSwitch datapath, but no zones of connection tracking (CONFIG_NF_CONNTRACK_ZONES)' : 'The kernel has no Open vSwitch datapath';
	return {name, available: false, detail: `${missing}. Switches forward in userspace instead, more slowly.`, cure: kernelCure(name)};
}

async function answer({name, use, argv, input, otherwise, module}: Probe, namespace: Namespace | undefined): Promise<Capability> {
	try {
		await run(argv, {namespace, input});
		return {name, available: true, detail: use};
	} catch (error) {
		const words = error instanceof ProgramError ? wordsOf(error) : messageOf(error);
		return {name, available: false, detail: `${name} is missing (${use}): ${argv.join(' ')}: ${words}.${otherwise === undefined ? '' : ` ${otherwise}`}`, cure: kernelCure(name, module)};
	}
}

function wordsOf({stderr}: Pick<Output, 'stderr'>): string {
	return (stderr.trim().split('\n')[0] ?? '').replace(/\.$/, '');
}

/** @param module what holds it, where the kernel does not load that by itself when it is asked for */
function kernelCure(name: string, module?: string): string {
	const kernel = `use a kernel that has ${name}, such as Debian's linux-image-amd64.`;
	return module === undefined ? `U${kernel.slice(1)}` : `Load it with modprobe ${module}, or ${kernel}`;
}

function link(name: string, use: string, ...args: readonly string[]): Probe {
	return {name, use, argv: ['ip', 'link', 'add', `probe-${name}`, ...args]};
}

function queue(name: string, use: string, ...args: readonly string[]): Probe {
	return {name, use, argv: ['tc', 'qdisc', 'replace', 'dev', 'lo', 'root', name, ...args]};
}
