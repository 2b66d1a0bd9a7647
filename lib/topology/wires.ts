/** Wires: what two interfaces meet by, a link or a tunnel. */
import type {Blueprint, InterfacePlan} from './blueprint.ts';

/** Every pair of interfaces that are the ends of one link, or of one tunnel. */
export function wiresOf({links, tunnels}: Pick<Blueprint, 'links' | 'tunnels'>): Array<readonly [InterfacePlan, InterfacePlan]> {
	return [
		...links.map(({ends}) => ends),
		...tunnels.flatMap(({ends}) => ends.flatMap((a, index) => ends.slice(index + 1).map(b => [a.interface, b.interface] as const))),
	];
}
