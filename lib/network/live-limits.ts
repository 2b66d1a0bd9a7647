/** What cannot come to a network that runs, or leave it: refused before anything happens, with what to do instead. */
import type {Blueprint, LinkPlan, NodePlan} from '../topology/blueprint.ts';
import type {Addition} from '../topology/grow.ts';
import type {NodeSpec} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';

const words = {switch: 'a switch', bridge: 'a bridge', perimeter: 'a perimeter firewall'} as const;

/** @throws InputError `not-live` */
export function refuseComing({nodes = [], links = []}: Addition): void {
	for (const node of nodes) {
		const kind = fixedKind(node);
		if (kind !== undefined) {
			throw new InputError('not-live', `${node.name} cannot be added while the lab runs: ${words[kind]} is there from the start. Put it into the topology file.`, {expected: ['host', 'router']});
		}
	}

	const sync = links.find(({options}) => options.stateSync === true);
	if (sync) {
		throw new InputError('not-live', `The link ${sync.ends.map(({node}) => node).join(' - ')} cannot be added while the lab runs: firewalls tell each other their connections from the start. Put it into the topology file.`);
	}
}

/** @throws InputError `not-live` */
export function refuseLeaving({nodes, tunnels}: Blueprint, names: Iterable<string>, links: Iterable<LinkPlan>): void {
	for (const name of names) {
		const node = nodes.get(name);
		const kind = node && fixedKind(node);
		if (kind !== undefined) {
			throw new InputError('not-live', `${name} cannot be removed while the lab runs: ${words[kind]} stays to the end. "link ${name} NODE down" silences its links.`, {expected: ['host', 'router']});
		}

		const tunnel = tunnels.find(({ends}) => ends.length > 2 && ends.some(end => end.interface.node === name));
		if (tunnel) {
			throw new InputError('not-live', `${name} cannot be removed while the lab runs: it is an end of the tunnel ${tunnel.ends.map(end => end.interface.node).join(' - ')}, whose other ends stay.`);
		}
	}

	for (const {ends, stateSync} of links) {
		if (stateSync === true) {
			throw new InputError('not-live', `The link ${ends.map(({node}) => node).join(' - ')} cannot be removed while the lab runs: by it the firewalls tell each other their connections.`);
		}
	}
}

function fixedKind(node: NodeSpec | NodePlan): keyof typeof words | undefined {
	switch (node.kind) {
		case 'host':
			return undefined;
		case 'router':
			return node.options.perimeter === true ? 'perimeter' : undefined;
		default:
			return node.kind;
	}
}
