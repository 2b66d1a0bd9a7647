/** What comes to a bridge from the ports of hosts in no group: no claim to the address of a bound host, by which it would be judged as that one, nor to the MAC of a router. */
import {formatPrefix, width} from '../util/address.ts';
import type {Address, Family, Prefix} from '../util/address.ts';
import type {DevicePlan} from '../policy/filter-rule.ts';
import {ownClaims} from './claims.ts';
import {linesOf, oneOf} from './nftables-bridge-line.ts';
import type {ContentLine} from './nftables-content.ts';
import {setName} from './nftables-lines.ts';

/** The chain of their ports, and where it leads when nothing is claimed. */
export const guests = 'guests';
export const others = 'others';

/** Name of the set of addresses that nobody else advertises, in the form of a message's body: nft 1.0.6 has no name for that field. */
export const advertised = 'advertised';
export const targetField = '@th,64,128';
const claimTo = `goto ${others}`;

/** The ways to claim an address: as source of a packet, and as what the sender tells to have. */
const claims: {readonly [family in Family]: ReadonlyArray<{readonly field: string; readonly label: string; readonly set: string; readonly text: (prefix: Prefix) => string}>} = {
	4: [
		{field: 'arp saddr ip', label: 'arp', set: setName('bound', 4), text: formatPrefix},
		{field: 'ip saddr', label: 'ip', set: setName('bound', 4), text: formatPrefix},
	],
	6: [
		{field: `icmpv6 type 136 ${targetField}`, label: 'advertisement', set: advertised, text: targetText},
		{field: 'ip6 saddr', label: 'ip6', set: setName('bound', 6), text: formatPrefix},
	],
};

export function guestLines(plan: DevicePlan, interfaceOf: (port: number) => string): ContentLine[] {
	const line = linesOf(guests);
	const {routerMacs} = plan.shared;
	const own = ownClaims(plan);
	return [
		...routerMacs.length === 0 ? [] : [line(`ether saddr ${oneOf(routerMacs)}`, 'drop', 'router mac', 'the MAC of a router, from a host')],
		...[...claims[4], ...claims[6]].flatMap(claim => [
			...own.filter(([, {family}]) => claims[family].includes(claim)).map(([{port, host}, prefix]) =>
				line(`iifname ${interfaceOf(port)} ${claim.field} ${claim.text(prefix)}`, claimTo, `port ${port} own ${claim.label}`, `${host} has the address, as a bound host of another network`)),
			line(`${claim.field} @${claim.set}`, 'drop', `claimed ${claim.label}`, 'the address of a bound host, from another one'),
		]),
		line('', claimTo, 'unclaimed', 'claims no address of a bound host'),
	];
}

/** An address as it stands in the body of a message. */
export function targetText({value}: Address): string {
	return `0x${value.toString(16).padStart(width(6) / 4, '0')}`;
}
