/** What carries a tunnel: a way through one ends where the tunnel begins when its outer packets do not get to the other end. */
import {formatAddress} from '../util/address.ts';
import type {NodePlan, TunnelPlan} from './blueprint.ts';
import type {Ground} from './ground.ts';
import {type Path, walk} from './walk.ts';

/** @param within tunnels whose own way this is */
export function cutAtTunnel(ground: Ground, path: Path, within: readonly TunnelPlan[] = []): Path {
	for (const [index, {arrival}] of path.hops.entries()) {
		const entry = path.hops[index - 1];
		const broken = arrival?.tunnel && entry && underlayTrouble(ground, arrival.tunnel, {from: entry.node, to: arrival.by.node}, within);
		if (broken !== undefined) {
			return {hops: path.hops.slice(0, index), broken, reason: 'tunnel'};
		}
	}

	return path;
}

function underlayTrouble(ground: Ground, tunnel: TunnelPlan, {from, to}: {readonly from: NodePlan; readonly to: string}, within: readonly TunnelPlan[]): string | undefined {
	const [own, other] = [from.name, to].map(name => tunnel.ends.find(end => end.interface.node === name));
	if (!own || !other) {
		return undefined;
	}

	const what = `the tunnel ${own.interface.name} (${tunnel.via}) of ${from.name}`;
	if (within.includes(tunnel)) {
		return `${what} leads through itself`;
	}

	const {broken} = cutAtTunnel(ground, walk(ground, from, {source: own.endpoint, destination: other.endpoint}), [...within, tunnel]);
	return broken === undefined ? undefined : `${what} does not get to ${formatAddress(other.endpoint)}: ${broken}`;
}
