/** `links`: every link with its two ends and its state. `link A B up|down` changes that. */
import type {Carrier} from '../kernel/carrier.ts';
import type {Link} from '../link/link.ts';
import {columns} from '../util/columns.ts';
import type {Command} from './command.ts';
import {takeNode} from './reading.ts';

/** In the order of the topology. */
export type LinksResult = ReadonlyArray<{
	readonly ends: ReadonlyArray<{readonly node: string; readonly interface: string}>;
	/** Whether both ends are up, so that frames pass. */
	readonly up: boolean;
	/** Why they do not: the link is down, one end was set down inside its node, or deleted. */
	readonly state: Carrier;
}>;

export const linksCommand: Command<undefined, LinksResult> = {
	name: 'links',
	usage: 'links',
	summary: 'all links and whether they are up',
	details: 'down: as "link A B down" leaves it. no carrier: the other end was set down inside its node, as by "h10 ip link set h10-eth0 down".',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		return Promise.resolve(network.links.map(described));
	},
	text: linksText,
};

export const linkCommand: Command<{readonly a: string; readonly b: string; readonly up: boolean}, LinksResult> = {
	name: 'link',
	usage: 'link A B up|down',
	summary: 'take the links between two nodes down, or up again',
	details: 'Parallel links change together. Addresses and routes come back with the link.',
	read(reader, scene) {
		const [a, b] = [takeNode(reader, scene), takeNode(reader, scene)];
		const up = reader.oneOf(['up', 'down']) === 'up';
		reader.finish();
		return {a, b, up};
	},
	async run({network}, {a, b, up}) {
		const links = network.linksBetween(a, b);
		for (const link of links) {
			if (up) {
				link.up();
			} else {
				link.down();
			}
		}

		return Promise.resolve(links.map(described));
	},
	text: linksText,
};

function described({ends, carrier: state}: Link): LinksResult[number] {
	return {ends: ends.map(({node, name}) => ({node, interface: name})), up: state === 'up', state};
}

function linksText(links: LinksResult): string {
	return columns(links.map(({ends, state}) => [ends.map(end => end.interface).join('<->'), state]));
}
