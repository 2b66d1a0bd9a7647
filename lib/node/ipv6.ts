/** Turns IPv6 on in a node that came up without it, because a link with IPv6 addresses came to it. */
import {inside} from '../kernel/namespace.ts';
import {setSysctl} from '../kernel/sysctl.ts';
import {answersForOthers} from '../topology/routes.ts';
import {type Configurable, ipv6Settings} from './configure.ts';

/** Interfaces that come later get it by default; those that are there get it, and their link-local addresses, now. */
export function turnIpv6On({plan, namespace, interfaces}: Configurable): void {
	inside(namespace, () => {
		for (const [name, value] of ipv6Settings(plan)) {
			setSysctl(name, value);
		}

		for (const name of ['default', ...interfaces.map(each => each.name)]) {
			setSysctl(`net/ipv6/conf/${name}/accept_dad`, 0);
			setSysctl(`net/ipv6/conf/${name}/accept_ra`, 0);
			setSysctl(`net/ipv6/conf/${name}/router_solicitations`, 0);
			setSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 0);
			setSysctl(`net/ipv6/conf/${name}/proxy_ndp`, Number(answersForOthers(plan, 6)));
		}
	});
}
