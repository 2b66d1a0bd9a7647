/** What comes to a network comes to its control plane too, or not at all. */
import type {Added, Addition, Network} from '../network/network.ts';
import {Undo} from '../network/undo.ts';
import {InputError} from '../util/errors.ts';
import type {Control} from './control.ts';

/** @throws as Network.add, Control.addRouters, everything then is as before, or the error says what is not; InputError `not-live` */
export async function grow(network: Network, control: Control | undefined, addition: Addition, signal: AbortSignal | undefined): Promise<Added> {
	if (!control) {
		refuseEdges(addition);
	}

	const added = await network.add(addition, {signal});
	const nodes = added.nodes.map(({name}) => name);
	const undo = new Undo();
	undo.add(async () => network.remove({...added, nodes}));
	undo.add(async () => {
		await control?.removeRouters(nodes, {force: true});
	});
	try {
		await control?.addRouters(nodes, signal);
		if (leadsToRouters(network, added)) {
			await control?.ready(signal);
		}
	} catch (error) {
		throw await undo.after(error);
	}

	return added;
}

/** Whether something came by which routers may hear each other: a link to a host is none. */
function leadsToRouters({blueprint: {nodes}}: Network, {links, tunnels}: Added): boolean {
	return [...links, ...tunnels].some(({ends}) => ends.every(({node}) => nodes.get(node)?.kind !== 'host'));
}

/** The control plane, and what it needs of this machine, is there from the start. */
function refuseEdges({nodes = []}: Addition): void {
	const edge = nodes.find(node => node.kind === 'router' && node.options.bgp !== undefined);
	if (edge) {
		throw new InputError('not-live', `${edge.name} cannot be added while the lab runs: it is the first edge router, and the control plane is there from the start. Put one edge router into the topology file: addRouter('${edge.name}', {bgp: {as: 65000}}).`);
	}
}
