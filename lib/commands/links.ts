/** `links`: every link with its two ends and whether it is up. `link A B up|down` changes that. */
import type {Link} from '../link/link.ts';
import {columns} from '../util/columns.ts';
import type {Command} from './command.ts';
import {takeNode} from './reading.ts';

/** In the order of the topology. */
export type LinksResult = ReadonlyArray<{readonly ends: ReadonlyArray<{readonly node: string; readonly interface: string}>; readonly up: boolean}>;

export const linksCommand: Command<undefined, LinksResult> = {
	name: 'links',
	usage: 'links',
	summary: 'all links and whether they are up',
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

function described({ends, isUp}: Link): LinksResult[number] {
	return {ends: ends.map(({node, name}) => ({node, interface: name})), up: isUp};
}

function linksText(links: LinksResult): string {
	return columns(links.map(({ends, up}) => [ends.map(end => end.interface).join('<->'), up ? 'up' : 'down']));
}
