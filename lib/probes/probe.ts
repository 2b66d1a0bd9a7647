/** What can be asked of a network: does this packet get from one host to another, and its answer back? */
import type {Network} from '../network/network.ts';
import {type Address, type Family, parseAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Node} from '../node/node.ts';
import {protocol} from './protocols.ts';

/** One of `tcp`, `udp`, `sctp` (destination ports) or `protocol` (an IP protocol by number); none of them: an ICMP echo. */
export type Probe = {
	/** Name of the host that asks. */
	readonly from: string;
	/** Name of the host that answers. */
	readonly to: string;
	readonly tcp?: number;
	readonly udp?: number;
	readonly sctp?: number;
	readonly protocol?: number;
	/** Source port; default: a free one. */
	readonly sport?: number;
	/** Default: IPv4 where both have it, else IPv6. */
	readonly family?: Family;
	/** An address of `to`; default: its first of the family. */
	readonly destination?: string;
	/** An address of `from`; default: what its routes choose. */
	readonly source?: string;
};

export type Transport = 'tcp' | 'udp' | 'sctp' | 'echo' | 'other';

/** A probe with everything decided. */
export type Question = {
	readonly from: Node;
	readonly to: Node;
	readonly transport: Transport;
	/** IP protocol number. */
	readonly number: number;
	/** Destination port; 0 where there are none. */
	readonly port: number;
	readonly sport: number | undefined;
	readonly source: Address | undefined;
	readonly destination: Address;
};

/** Protocols that have a transport of their own here, and 255, which the kernel keeps for itself (raw(7)). */
const notByNumber = new Set<number>([...Object.values(protocol), 255]);

/**
Finds nodes and addresses.

@throws InputError `unknown-node`, `probe`, `address`
*/
export function questionOf(network: Network, probe: Probe): Question {
	const [from, to] = [network.node(probe.from), network.node(probe.to)];
	const {transport, number, port} = transportOf(probe);
	return {
		from, to, transport, number, port,
		sport: probe.sport,
		source: probe.source === undefined ? undefined : parseAddress(probe.source),
		destination: probe.destination === undefined ? destinationOf(from, to, probe.family) : parseAddress(probe.destination),
	};
}

function transportOf(probe: Probe): Pick<Question, 'transport' | 'number' | 'port'> {
	const given = (['tcp', 'udp', 'sctp'] as const).filter(name => probe[name] !== undefined);
	const [first] = given;
	if (given.length + (probe.protocol === undefined ? 0 : 1) > 1 || (probe.sport !== undefined && !first)) {
		throw new InputError('probe', 'A probe has one of tcp, udp, sctp and protocol, and a source port only with the first three.', {expected: ['tcp', 'udp', 'sctp', 'protocol']});
	}

	if (first) {
		return {transport: first, number: protocol[first], port: probe[first] ?? 0};
	}

	return probe.protocol === undefined ? {transport: 'echo', number: 0, port: 0} : {transport: 'other', number: byNumber(probe.protocol), port: 0};
}

function byNumber(number: number): number {
	if (!Number.isInteger(number) || number < 1 || number > 255 || notByNumber.has(number)) {
		throw new InputError('probe', `Protocol ${number} cannot be probed by its number. Give 1 to 254; TCP, UDP and SCTP have words of their own, and a probe without a word is an ICMP echo.`, {expected: ['tcp', 'udp', 'sctp', 'protocol']});
	}

	return number;
}

function destinationOf(from: Node, to: Node, wanted: Family | undefined): Address {
	const families = new Set(addressesOf(from).map(({family}) => family));
	const targets = addressesOf(to).filter(({family}) => families.has(family) && (wanted === undefined || family === wanted));
	const found = targets.find(({family}) => family === 4) ?? targets[0];
	if (!found) {
		throw new InputError('probe', `${from.name} and ${to.name} have no ${wanted === undefined ? 'address family' : `IPv${wanted} addresses`} in common.`);
	}

	return found;
}

function addressesOf({interfaces}: Node): Address[] {
	return interfaces.flatMap(({addresses}) => addresses.map(({address}) => address));
}
