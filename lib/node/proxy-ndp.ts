/** Proxy NDP: Linux answers for single addresses only, so each /128 route needs an entry on every other interface that may answer. */
import {inside} from '../kernel/namespace.ts';
import {type Proxy, addProxy, deleteProxy, listProxies} from '../kernel/neighbor.ts';
import {listRoutes, routeProtocols} from '../kernel/route.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import {getSysctl, listSysctls} from '../kernel/sysctl.ts';
import {sameAddress} from '../util/address.ts';
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
	const added = wanted.filter(proxy => !before.some(each => isSame(each, proxy)));
	const removed = before.filter(proxy => !wanted.some(each => isSame(each, proxy)));
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

function isSame(a: Proxy, b: Proxy): boolean {
	return a.interface === b.interface && sameAddress(a.address, b.address);
}
