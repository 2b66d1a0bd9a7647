/** A next hop that the kernel refuses because the node is on no network with it, told with the networks that it is on. */
import type {RtnetlinkError} from '../kernel/rtnetlink.ts';
import type {RoutePlan} from '../topology/blueprint.ts';
import {nextHopsOf} from '../topology/routes.ts';
import {type Address, contains, formatAddress, tryParsePrefix} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {NodeRoute} from './routes.ts';

/** What the kernel says of IPv4, and of IPv6. */
const unreachable: readonly string[] = ['ENETUNREACH', 'EHOSTUNREACH'];

export class NextHopError extends InputError {
	override name = 'NextHopError';
	/** Which of the route's next hops it is, from 0. */
	readonly hop: number;

	constructor(message: string, hop: number, cause: unknown) {
		super('next-hop', message, {expected: ['address']}, {cause});
		this.hop = hop;
	}
}

/** @param routes of the main table @returns undefined when the refusal has another reason */
export function nextHopError(node: string, routes: readonly NodeRoute[], plan: RoutePlan, refusal: RtnetlinkError): NextHopError | undefined {
	const hops = nextHopsOf(plan);
	const networks = routes.flatMap(({to, via, nextHops, type, interface: name}) => {
		const prefix = tryParsePrefix(to);
		return prefix && prefix.family === plan.to.family && via === undefined && !nextHops && !type && name !== undefined ? [{to, prefix, name}] : [];
	});
	const isOn = (address: Address, by: string | undefined) => networks.some(({prefix, name}) => contains(prefix, address) && (by === undefined || by === name));
	const far = hops.findIndex(({via, interface: by, onlink}) => via && onlink !== true && !isOn(via, by));
	const via = hops[far]?.via;
	if (!unreachable.includes(refusal.errno) || !via) {
		return undefined;
	}

	const by = hops[far]?.interface;
	const known = networks.map(({to, name}) => `${to} (${printable(name)})`).join(', ') || `no network of IPv${plan.to.family}`;
	return new NextHopError(`${formatAddress(via)} is on no network of ${node}${by === undefined ? '' : ` behind ${printable(by)}`}, so it can be no next hop. ${node} is on ${known}. Give an address of one of them, or write behind it: dev INTERFACE onlink.`, far, refusal);
}
