/** Checks of links over which firewalls tell each other their connections: who is there, and by which addresses they talk. */
import {type InterfaceAddress, contains, networkOf} from '../../util/address.ts';
import type {Problems} from '../../util/problems.ts';
import type {Blueprint, InterfacePlan} from '../blueprint.ts';

export function checkStateSync({nodes, links}: Blueprint, problems: Problems): void {
	const taken = new Set<string>();
	for (const {ends} of links.filter(({stateSync}) => stateSync === true)) {
		for (const {node: name} of ends) {
			const node = nodes.get(name);
			if (node?.kind !== 'router' || node.options.perimeter !== true) {
				problems.add(name, 'a link with stateSync leads to it, and only perimeter firewalls have connections to tell', 'Add it as a router with {perimeter: true}, or take stateSync away');
			} else if (taken.has(name)) {
				problems.add(name, 'it has two links with stateSync, and connections are told to one other firewall only', 'Leave stateSync to one of the links');
			}

			taken.add(name);
		}

		if (!syncAddresses(ends)) {
			problems.add(ends.map(({node}) => node).join(' - '), 'their link with stateSync has no IPv4 subnet in which both have an address', 'Give both ends an address, such as 10.9.0.1/30 and 10.9.0.2/30');
		}
	}
}

/** By which addresses the two talk; in the order of the ends. */
export function syncAddresses([a, b]: readonly [InterfacePlan, InterfacePlan]): readonly [InterfaceAddress, InterfaceAddress] | undefined {
	const found = a.addresses.filter(({address: {family}}) => family === 4).map(own => [own, b.addresses.find(({address}) => contains(networkOf(own), address))] as const).find(([, other]) => other);
	return found?.[1] && [found[0], found[1]];
}
