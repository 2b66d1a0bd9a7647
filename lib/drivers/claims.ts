/** Who could claim the address of a bound host, and so be judged as that one: the hosts in no group. */
import {prefixOf} from '../util/address.ts';
import type {Prefix} from '../util/address.ts';
import type {DevicePlan, GuardedPort} from '../policy/filter-rule.ts';
import {includes} from '../policy/prefix-set.ts';

/** Ports of hosts that may use any address but those of bound hosts: they are not bound, and have not lifted port security. */
export function guestsOf({guarded}: Pick<DevicePlan, 'guarded'>): GuardedPort[] {
	return guarded.filter(({bound, lifted}) => !bound && !lifted);
}

/** Addresses of guests that a bound host has as well: on another network, as both may be. */
export function ownClaims(plan: DevicePlan): Array<readonly [GuardedPort, Prefix]> {
	const {prefixes} = plan.shared.bound;
	return guestsOf(plan).flatMap(port => port.addresses.filter(address => includes(prefixes, address)).map(address => [port, prefixOf(address)] as const));
}
