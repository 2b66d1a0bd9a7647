/** Checks of interfaces: names, ports, MTUs, MACs. */
import type {Mac} from '../../util/address.ts';
import {interfaceNameLimit, namePattern, printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import type {Blueprint, InterfacePlan, NodePlan} from '../blueprint.ts';
import {type Segment, segmentsOf} from '../segments.ts';
import {isStation} from '../specs.ts';

/** OFPP_MAX (0xff00) of OpenFlow 1.0 less one: above it are ports with a meaning of their own. */
const portLimit = 65_279;
/** Bytes: ETH_MIN_MTU of linux/if_ether.h, and what fits an IPv4 packet. */
const mtuRange = {min: 68, max: 65_535} as const;
/** Smallest MTU of IPv6 in bytes (RFC 8200, section 5); below it the kernel switches IPv6 off. */
const ipv6Mtu = 1280;

/** Names that every namespace has, or that mean something else where the kernel lists interfaces (/proc/sys/net/ipv4/conf). */
const takenEverywhere = ['lo', 'all', 'default'];
/** Names that Open vSwitch takes in the namespace of the switches. */
const takenBySwitches = ['ovs-system', 'ovs-netdev'];

/** One problem a node: its longest name, since all the others have the same cure. */
export function checkInterfaceNameLengths({nodes}: Blueprint, problems: Problems): void {
	for (const {name, interfaces} of nodes.values()) {
		const longest = interfaces.map(each => each.name).reduce((a, b) => b.length > a.length ? b : a, '');
		if (name.length <= interfaceNameLimit && longest.length > interfaceNameLimit) {
			problems.add(name, `its interface name ${printable(longest)} has ${longest.length} characters, and Linux allows ${interfaceNameLimit}`, 'Shorten the node\'s name, or name the interface');
		}
	}
}

/** Interfaces of a host or router share its namespace; switches, bridges and all their ports share one. */
export function checkInterfaceNames({nodes}: Blueprint, problems: Problems): void {
	const switches = [...nodes.values()].filter(node => !isStation(node));
	const shared = new Map([...takenEverywhere, ...takenBySwitches].map(name => [name, 'the system']));
	for (const {name} of switches) {
		shared.set(name, `switch ${name}`);
	}

	for (const node of nodes.values()) {
		checkNamesIn(node, isStation(node) ? new Map(takenEverywhere.map(name => [name, 'the system'])) : shared, problems);
	}
}

function checkNamesIn(node: NodePlan, taken: Map<string, string>, problems: Problems): void {
	for (const {name} of node.interfaces) {
		const owner = taken.get(name);
		if (!namePattern.test(name) && namePattern.test(node.name)) {
			problems.add(node.name, `"${printable(name)}" cannot name an interface`, 'Begin with a letter, go on with letters, digits, _ or -');
		} else if (owner !== undefined && !isRepeatedPort(node, name)) {
			problems.add(node.name, `its interface name ${printable(name)} is already taken by ${owner}`, 'Give each interface a name of its own');
		}

		taken.set(name, owner ?? node.name);
	}
}

/** Two ports of one number get one name; checkPorts tells that better. */
function isRepeatedPort(node: NodePlan, name: string): boolean {
	const same = node.interfaces.filter(each => each.name === name);
	return same.length > 1 && same.every(({port}) => port !== undefined && name === `${node.name}-eth${port}`);
}

export function checkPorts({nodes}: Blueprint, problems: Problems): void {
	for (const node of nodes.values()) {
		const seen = new Set<number>();
		for (const {port} of node.interfaces) {
			if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > portLimit)) {
				problems.add(node.name, `port ${port} is out of range`, `Number ports from 1 to ${portLimit}`);
			} else if (port !== undefined && seen.has(port)) {
				problems.add(node.name, `port ${port} is used twice`, 'Give each link a port of its own, or none');
			}

			seen.add(port ?? 0);
		}
	}
}

export function checkMtus({nodes}: Blueprint, problems: Problems): void {
	for (const node of nodes.values()) {
		for (const {name, mtu} of node.interfaces) {
			if (!Number.isInteger(mtu) || mtu < mtuRange.min || mtu > mtuRange.max) {
				problems.add(node.name, `the MTU ${mtu} of ${printable(name)} is out of range`, `Give ${mtuRange.min} to ${mtuRange.max} bytes`);
			} else if (node.ipv6 && mtu < ipv6Mtu) {
				problems.add(node.name, `the MTU ${mtu} of ${printable(name)} is too small for IPv6`, `Give at least ${ipv6Mtu} bytes, or leave out IPv6`);
			}
		}
	}
}

/** Only MACs that the file gives can be equal. On two networks they may be: a MAC means nothing beyond its own. */
export function checkDuplicateMacs({nodes, links, tunnels}: Blueprint, problems: Problems): void {
	const segments = segmentsOf({nodes, links, tunnels});
	const ownersOn = new Map<Segment | undefined, Map<Mac, InterfacePlan>>();
	for (const {name: node, interfaces} of nodes.values()) {
		for (const each of interfaces) {
			const segment = segments.get(each);
			const owners = ownersOn.get(segment) ?? new Map<Mac, InterfacePlan>();
			ownersOn.set(segment, owners);
			const owner = owners.get(each.mac);
			if (owner) {
				problems.add(node, `the MAC ${each.mac} of ${printable(each.name)} is already that of ${printable(owner.name)} of ${owner.node}`, 'Give each interface a MAC of its own, or none');
			}

			owners.set(each.mac, owner ?? each);
		}
	}
}
