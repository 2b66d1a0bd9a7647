/** How a router reaches a next hop that need not be on its own links: by the routes that others gave it, never by those that BGP did. Pure. */
import {type InstalledRoute, routeProtocols} from '../kernel/route.ts';
import {type Address, contains} from '../util/address.ts';

export type Way = {
	readonly via: Address;
	/** Index of the interface to leave by. */
	readonly interface: number;
};

/**
RFC 4271, 9.1.2.1: the next hop itself where it is on a link, else the next hop of the longest prefix that holds it. One step is enough, as the
kernel takes no route whose own next hop is not on a link.

@param routes of the main table
*/
export function wayTo(address: Address, routes: readonly InstalledRoute[]): Way | undefined {
	const [best] = routes.filter(({to, protocol}) => protocol !== routeProtocols.bgp && to.family === address.family && contains(to, address)).sort(byPreference);
	if (!best || best.type !== undefined) {
		return undefined;
	}

	const {via = address, interface: index} = best.nextHops?.[0] ?? best;
	return index === undefined ? undefined : {via, interface: index};
}

function byPreference(a: InstalledRoute, b: InstalledRoute): number {
	return b.to.length - a.to.length || (a.metric ?? 0) - (b.metric ?? 0);
}
