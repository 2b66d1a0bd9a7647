/** What is to be heard on LANs of a host that came to an edge router: who is on the one it came to is to hear its own MAC; who is on the one that it left the router's, which now answers for it. */
import type {Interface} from '../link/interface.ts';
import type {Network} from '../network/network.ts';
import type {Attachment} from './access.ts';
import type {Claim} from './announcement.ts';
import type {Place} from './control-plane.ts';

/** By router interface that leads to the LAN. */
export function claimsOf({nodes}: Network, {own, port, addresses, shared}: Attachment, before: Place | undefined): Array<readonly [Interface, Claim[]]> {
	const here = shared ? nodes.get(port.node)?.interfaces.find(({name}) => name === port.name) : undefined;
	const old = before && nodes.get(before.router);
	const there = old?.plan.kind === 'router' && old.plan.options.proxyArp === true ? old.interfaces.find(({name}) => name === before?.interface) : undefined;
	return ([[here, own.mac], [there, there?.mac]] as const).flatMap(([to, mac]) => to && mac !== undefined ? [[to, addresses.map(address => ({address, mac}))] as const] : []);
}
