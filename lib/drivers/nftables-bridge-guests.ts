/** What comes to a bridge from the ports of hosts in no group: no claim to the address of a bound host, by which it would be judged as that one, nor to the MAC of a router. */
import {formatPrefix, width} from '../util/address.ts';
import type {Address, Family, Prefix} from '../util/address.ts';
import type {DevicePlan} from '../policy/filter-rule.ts';
import {ownClaims} from './claims.ts';
import {linesOf, oneOf} from './nftables-bridge-line.ts';
import type {ContentLine} from './nftables-content.ts';
import type {NameOf} from './nftables-lines.ts';
import {builtIn} from './perimeter-sets.ts';

/** The chain of their ports, and where it leads when nothing is claimed. */
export const guests = 'guests';
export const others = 'others';

/** Name of the set of addresses that nobody else advertises, in the form of a message's body: nft 1.0.6 has no name for that field. */
export const advertised = 'advertised';
export const targetField = '@th,64,128';
const claimTo = `goto ${others}`;

/** The ways to claim an address: as source of a packet, and as what the sender tells to have. */
const claims: {readonly [family in Family]: ReadonlyArray<{readonly field: string; readonly label: string; readonly set?: string; readonly text: (prefix: Prefix) => string}>} = {
	4: [
		{field: 'arp saddr ip', label: 'arp', text: formatPrefix},
		{field: 'ip saddr', label: 'ip', text: formatPrefix},
	],
	6: [
		{field: `icmpv6 type 136 ${targetField}`, label: 'advertisement', set: advertised, text: targetText},
		{field: 'ip6 saddr', label: 'ip6', text: formatPrefix},
	],
};

export function guestLines(plan: DevicePlan, interfaceOf: (port: number) => string, nameOf: NameOf): ContentLine[] {
	const line = linesOf(guests);
	const {routerMacs} = plan.shared;
	const own = ownClaims(plan);
	const claimsOf = (family: Family) => claims[family].flatMap(({field, label, set = nameOf(builtIn.bound, family), text}) => [
		...own.filter(([, prefix]) => prefix.family === family).map(([{port, host}, prefix]) =>
			line(`iifname ${interfaceOf(port)} ${field} ${text(prefix)}`, claimTo, `port ${port} own ${label}`, `${host} has the address, as a bound host of another network`)),
		line(`${field} @${set}`, 'drop', `claimed ${label}`, 'the address of a bound host, from another one'),
	]);
	return [
		...routerMacs.length === 0 ? [] : [line(`ether saddr ${oneOf(routerMacs)}`, 'drop', 'router mac', 'the MAC of a router, from a host')],
		...claimsOf(4),
		...claimsOf(6),
		line('', claimTo, 'unclaimed', 'claims no address of a bound host'),
	];
}

/** An address as it stands in the body of a message. */
export function targetText({value}: Address): string {
	return `0x${value.toString(16).padStart(width(6) / 4, '0')}`;
}
