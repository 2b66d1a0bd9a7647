/** Which joinings are refused, all of them before anything is done. Pure. */
import type {Blueprint} from '../topology/blueprint.ts';
import {formatAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import {ownAddresses} from './access.ts';
import type {Joining, Place} from './control-plane.ts';

type Situation = {
	readonly blueprint: Blueprint;
	/** By host. */
	readonly places: ReadonlyMap<string, Place>;
	/** By name of edge router. */
	readonly agents: ReadonlyMap<string, unknown>;
};

/** @throws InputError `unknown-node`, `wrong-kind`, `unknown-edge-router`, `already-joined`, `joins-twice`, `no-address`, `address-taken` */
export function refuseJoinings(situation: Situation, joinings: readonly Joining[]): void {
	const owners = new Map<string, Joining>([...situation.places.values()].flatMap(place => place.addresses.map(address => [formatAddress(address), place] as const)));
	const named = new Map<string, string>();
	for (const joining of joinings) {
		refuseEnds(situation, joining);
		const {host, router} = joining;
		const other = named.get(host);
		if (other !== undefined) {
			throw new InputError('joins-twice', `${host} is named twice, for ${other} and for ${router}: a host is at one edge router. Name it once.`);
		}

		named.set(host, router);
		const own = ownAddresses(situation.blueprint, host);
		if (own?.length === 0) {
			throw noAddress(host, router);
		}

		for (const address of own?.map(formatAddress) ?? []) {
			const owner = owners.get(address);
			if (owner && owner.host !== host) {
				throw new InputError('address-taken', `${host} cannot join ${router}: its address ${address} is that of ${owner.host} at ${owner.router}. Let ${owner.host} leave first, or give ${host} another address.`);
			}

			owners.set(address, joining);
		}
	}
}

function refuseEnds({blueprint: {nodes}, places, agents}: Situation, {host, router}: Joining): void {
	const node = nodes.get(host);
	if (!node) {
		throw unknownName('node', host, nodes.keys());
	}

	if (node.kind !== 'host') {
		throw new InputError('wrong-kind', `${host} is a ${node.kind}; only hosts join.`, {expected: ['host']});
	}

	if (!agents.has(router)) {
		throw unknownName('edge router', router, agents.keys());
	}

	if (places.get(host)?.router === router) {
		throw new InputError('already-joined', `${host} is at ${router} already.`);
	}
}

export function noAddress(host: string, router: string): InputError {
	return new InputError('no-address', `${host} has no address by which others could reach it at ${router}. Give it one: addHost('${host}', {ip: '10.0.0.5/24'}).`);
}
