/** The number by which BGP tells one router from all others (RFC 4271, 4.2). Pure. */
import {createHash} from 'node:crypto';
import type {EdgePlan} from '../topology/bgp-sessions.ts';
import {formatAddress} from '../util/address.ts';

/** Its first IPv4 address, as is usual; without one a number that nobody else is likely to have. */
export function routerIdOf({name, interfaces}: EdgePlan): string {
	const address = interfaces.flatMap(({addresses}) => addresses).find(each => each.address.family === 4)?.address;
	return address ? formatAddress(address) : [...createHash('sha1').update(name).digest().subarray(0, 4)].join('.');
}
