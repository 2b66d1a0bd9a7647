/** Permanent neighbours that files and lines name: by MAC, or by the node whose MAC is meant. */
import {formatAddress, sameAddress, tryParseAddress, tryParseMac} from '../util/address.ts';
import {printable} from '../util/names.ts';
import type {InterfacePlan, NeighborPlan} from './blueprint.ts';
import type {NeighborOptions} from './routing-options.ts';
import type {Segment} from './segments.ts';

export const neighborForm = 'Write it like {address: \'10.0.0.2\', mac: \'02:00:00:00:00:02\'} or {address: \'10.0.0.2\', mac: \'h2\'}';

/** The interfaces that hear what an interface sends; empty when it has no wire. */
export type Surroundings = (name: string) => Segment;

/** The neighbour, or what is wrong with it, as `its neighbor … ` goes on. @param own the node's interfaces */
export function readNeighbor({address: text, mac, interface: given}: NeighborOptions, own: ReadonlyArray<Pick<InterfacePlan, 'name' | 'addresses'>>, around: Surroundings): NeighborPlan | string {
	const address = tryParseAddress(text);
	const name = given ?? (own.length === 1 ? own[0]?.name : undefined);
	if (!address) {
		return `"${printable(text)}" is no address`;
	}

	if (name === undefined) {
		return `${formatAddress(address)} needs an interface: the node has ${own.length} of them`;
	}

	if (own.some(({addresses}) => addresses.some(each => sameAddress(each.address, address)))) {
		return `${formatAddress(address)} is its own address`;
	}

	const found = tryParseMac(mac) ?? macOf(mac, {address, interface: name}, around(name));
	return tryParseMac(found) ? {address, mac: found, interface: name} : found;
}

/** The MAC of a node on the wire, by which it would answer; or why there is none. */
function macOf(node: string, {address, interface: name}: Pick<NeighborPlan, 'address' | 'interface'>, segment: Segment): string {
	const there = segment.filter(each => each.node === node && each.name !== name);
	const owner = there.find(({addresses}) => addresses.some(each => sameAddress(each.address, address)));
	const [only, ...others] = there;
	if (owner ?? (only && others.length === 0)) {
		return (owner ?? only)?.mac ?? '';
	}

	const what = `${formatAddress(address)} has the MAC "${printable(node)}"`;
	return only ? `${what}, a node with ${there.length} interfaces on the wire of ${printable(name)}: write the MAC of one` : `${what}, which is neither a MAC nor a node on the wire of ${printable(name)}`;
}
