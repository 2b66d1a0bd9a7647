/** Proxy NDP: Linux answers for single addresses only, so each /128 route needs an entry on every other interface that may answer. */
import {inside} from '../kernel/namespace.ts';
import {type Proxy, addProxy, deleteProxy, listProxies} from '../kernel/neighbor.ts';
import {listRoutes, routeProtocols} from '../kernel/route.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import {getSysctl, listSysctls} from '../kernel/sysctl.ts';
import {formatAddress} from '../util/address.ts';
import {KernelError} from '../util/errors.ts';
import type {Configurable} from './configurable.ts';
import {indexOf} from './names.ts';

/**
Makes the entries what the routes and settings of this moment ask for. Entries made by hand stay. Whoever programs routes of single IPv6 addresses calls it afterwards.

@throws KernelError
*/
export function answerForRoutes(node: Configurable): void {
	const interfaces = answeringInterfaces(node);
	const before = interfaces === undefined ? [] : listProxies(node.namespace);
	const wanted = interfaces === undefined || interfaces.length === 0 ? [] : wantedProxies(node, interfaces);
	const [there, asked] = [new Set(before.map(keyOf)), new Set(wanted.map(keyOf))];
	const added = wanted.filter(proxy => !there.has(keyOf(proxy)));
	const removed = before.filter(proxy => !asked.has(keyOf(proxy)));
	if (added.length + removed.length > 0) {
		using rtnetlink = new Rtnetlink(node.namespace);
		removed.forEach(proxy => {
			deleteProxy(rtnetlink, proxy);
		});
		added.forEach(proxy => {
			addProxy(rtnetlink, proxy);
		});
		rtnetlink.flush();
	}
}

/** Indexes of the interfaces that may answer; undefined without IPv6. */
function answeringInterfaces(node: Configurable): number[] | undefined {
	const names = inside(node.namespace, () => {
		try {
			const [all, ...others] = ['all', ...listSysctls('net/ipv6/conf').filter(name => !['all', 'default', 'lo'].includes(name))].map(name => ({name, on: getSysctl(`net/ipv6/conf/${name}/proxy_ndp`) === '1'}));
			return others.filter(({on}) => on || all?.on === true).map(({name}) => name);
		} catch (error) {
			if (error instanceof KernelError && error.errno === 'ENOENT') {
				return undefined;
			}

			throw error;
		}
	});
	return names?.map(name => indexOf(node, name));
}

function wantedProxies(node: Configurable, interfaces: readonly number[]): Proxy[] {
	const single = listRoutes(node.namespace).filter(({to, protocol, type}) => to.family === 6 && to.length === 128 && protocol !== routeProtocols.kernel && type === undefined);
	return single.flatMap(route => {
		const ways = (route.nextHops ?? [route]).map(hop => hop.interface);
		return interfaces.filter(index => !ways.includes(index)).map(index => ({address: route.to, interface: index}));
	});
}

function keyOf({interface: index, address}: Proxy): string {
	return `${index} ${formatAddress(address)}`;
}
