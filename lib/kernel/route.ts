/** Routes by rtnetlink. Functions queue; the caller flushes. */
import {type Address, type Prefix, addressBytes, formatAddress, formatPrefix} from '../util/address.ts';
import {type Rtnetlink, flag, rtm} from './rtnetlink.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

/** Attributes and values of linux/rtnetlink.h. */
const rta = {destination: 1, interface: 4, gateway: 5} as const;
const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;

export type Route = {
	readonly to: Prefix;
	readonly via?: Address | undefined;
	/** Index of the interface to leave by. */
	readonly interface?: number | undefined;
};

/** Equivalent to: `ip route add TO [via VIA] [dev NAME]` */
export function addRoute(rtnetlink: Rtnetlink, route: Route): void {
	const object = `${formatPrefix(route.to)}${route.via ? ` via ${formatAddress(route.via)}` : ''}`;
	rtnetlink.add(rtm.newRoute, flag.create | flag.exclusive, {operation: 'new route', object}, request => {
		request.fixed(12, header => {
			header[0] = route.to.family === 4 ? AF_INET : AF_INET6;
			header[1] = route.to.length;
			header[4] = RT_TABLE_MAIN;
			header[5] = RTPROT_STATIC;
			header[6] = route.via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
			header[7] = RTN_UNICAST;
		});
		if (route.to.length > 0) {
			request.attribute(rta.destination, addressBytes(route.to));
		}

		if (route.via) {
			request.attribute(rta.gateway, addressBytes(route.via));
		}

		if (route.interface !== undefined) {
			request.attribute(rta.interface, route.interface);
		}
	});
}
