/** Neighbours of a running node, as options write them, in and out of the kernel. */
import {type NeighborState, addNeighbor, deleteNeighbor, listNeighbors} from '../kernel/neighbor.ts';
import {Rtnetlink} from '../kernel/rtnetlink.ts';
import type {NeighborPlan} from '../topology/blueprint.ts';
import {neighborForm, readNeighbor} from '../topology/neighbors.ts';
import type {NeighborOptions} from '../topology/routing-options.ts';
import {type Address, type Mac, compareAddresses, formatAddress, parseAddress, sameAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Configurable} from './configurable.ts';
import {indexOf, interfaceNames, nameOf, requireStation} from './names.ts';

/** A neighbour as the kernel has it. */
export type NodeNeighbor = {
	readonly address: string;
	readonly interface: string;
	/** Absent as long as nobody has answered. */
	readonly mac?: Mac;
	/** `permanent` ones were told, not asked for. */
	readonly state: NeighborState;
};

/** By interface and address. @throws KernelError */
export function nodeNeighbors(node: Configurable): NodeNeighbor[] {
	requireStation(node);
	return listNeighbors(node.namespace)
		.toSorted((a, b) => a.interface - b.interface || compareAddresses(a.address, b.address))
		.map(({address, interface: index, mac, state}) => ({address: formatAddress(address), interface: nameOf(node, index), ...mac === undefined ? {} : {mac}, state}));
}

/**
A learned entry gives way; another permanent one does not. Returns what was added.

@param options.mac a MAC: a node knows no other nodes
@throws InputError `neighbor`, `unknown-interface`, `neighbor-exists`; KernelError
*/
export function addNodeNeighbor(node: Configurable, options: NeighborOptions): NeighborPlan {
	requireStation(node);
	const plan = readNeighbor(options, node.interfaces, () => []);
	if (typeof plan === 'string') {
		throw new InputError('neighbor', `The neighbor ${plan}. ${neighborForm}.`, {expected: ['neighbor']});
	}

	const index = indexOf(node, plan.interface);
	const other = permanentAt(node, index, plan.address);
	if (other !== undefined && other !== plan.mac) {
		throw new InputError('neighbor-exists', `${node.plan.name} has the neighbor ${options.address} on ${plan.interface} already, with the MAC ${other}. Delete it first.`);
	}

	using rtnetlink = new Rtnetlink(node.namespace);
	addNeighbor(rtnetlink, index, plan.address, plan.mac);
	rtnetlink.flush();
	return plan;
}

function permanentAt({namespace}: Configurable, index: number, address: Address): Mac | undefined {
	return listNeighbors(namespace).find(each => each.state === 'permanent' && each.interface === index && sameAddress(each.address, address))?.mac;
}

/**
Forgets a neighbour, learned or told. Returns whether there was one.

@throws InputError `address`, `neighbor` when several interfaces have it and none is named, `unknown-interface`; KernelError
*/
export function deleteNodeNeighbor(node: Configurable, {address: text, interface: name}: Omit<NeighborOptions, 'mac'>): boolean {
	requireStation(node);
	const address = parseAddress(text);
	const index = name === undefined ? undefined : indexOf(node, name);
	const found = listNeighbors(node.namespace).filter(each => sameAddress(each.address, address) && (index === undefined || each.interface === index));
	const [only, ...others] = found;
	if (others.length > 0) {
		throw new InputError('neighbor', `${node.plan.name} has the neighbor ${text} on ${found.map(each => nameOf(node, each.interface)).join(' and ')}. Name the interface.`, {expected: ['dev']});
	}

	if (only) {
		using rtnetlink = new Rtnetlink(node.namespace);
		deleteNeighbor(rtnetlink, only.interface, address);
		rtnetlink.flush();
	}

	return only !== undefined;
}

/** The interface that is meant where none is named. @throws InputError `neighbor` */
export function onlyInterface(node: Configurable, address: string): string {
	const names = interfaceNames(node);
	const [only] = names;
	if (only === undefined || names.length > 1) {
		throw new InputError('neighbor', `The neighbor ${address} needs an interface: ${node.plan.name} has ${names.join(', ') || 'none'}.`, {expected: ['dev']});
	}

	return only;
}
