/** Names and numbers of a running node's interfaces, those that others made in its namespace included. */
import {carrierOf} from '../kernel/carrier.ts';
import {interfaceIndex, interfaceName} from '../kernel/interface-index.ts';
import {inside} from '../kernel/namespace.ts';
import {listSysctls} from '../kernel/sysctl.ts';
import {InputError, KernelError} from '../util/errors.ts';
import {compareNames, unknownName} from '../util/names.ts';
import type {Configurable} from './configurable.ts';

/** What no interface is: the settings of all of them, and of new ones. */
const notInterfaces = ['all', 'default'];

/** Of kernels that have loaded modules of tunnels, in every namespace: nobody made them. See `fb_tunnels_only_for_init_net` in Documentation/admin-guide/sysctl/net.rst. */
const fallbackTunnels = ['erspan0', 'gre0', 'gretap0', 'ip6_vti0', 'ip6gre0', 'ip6tnl0', 'ip_vti0', 'sit0', 'tunl0'];

/** In natural order, without the loopback and what the kernel has made by itself and nobody uses. */
export function interfaceNames({namespace, interfaces}: Pick<Configurable, 'namespace' | 'interfaces'>): string[] {
	const isIdle = (name: string) => fallbackTunnels.includes(name) && !interfaces.some(own => own.name === name) && carrierOf(namespace, name) === 'down';
	return inside(namespace, () => listSysctls('net/ipv4/conf')).filter(name => name !== 'lo' && !notInterfaces.includes(name) && !isIdle(name)).sort(compareNames);
}

/** @throws InputError `unknown-interface` with the interfaces there are */
export function indexOf(node: Configurable, name: string): number {
	const known = node.interfaces.find(each => each.name === name)?.index;
	if (known !== undefined) {
		return known;
	}

	try {
		return interfaceIndex(node.namespace, name);
	} catch (error) {
		throw error instanceof KernelError && error.errno === 'ENODEV' ? unknownName('interface', name, interfaceNames(node)) : error;
	}
}

/** The number itself for an interface that is gone by now. */
export function nameOf(node: Configurable, index: number): string {
	try {
		return node.interfaces.find(each => each.index === index)?.name ?? interfaceName(node.namespace, index);
	} catch (error) {
		if (error instanceof KernelError && error.errno === 'ENODEV') {
			return String(index);
		}

		throw error;
	}
}

/** Ports of all switches share a namespace that routes nothing. @throws InputError `wrong-kind` */
export function requireStation({plan: {name, kind}}: Configurable): void {
	if (kind !== 'host' && kind !== 'router') {
		throw new InputError('wrong-kind', `${name} is a ${kind}: it has no routes, neighbors or settings of its own. Name a host or router.`, {expected: ['host', 'router']});
	}
}
