/** `links`: every link with its two ends, its state and how it is shaped. */
import type {Carrier} from '../kernel/carrier.ts';
import type {Link} from '../link/link.ts';
import {type Shaping, formatShaping, isShaped} from '../topology/shaping.ts';
import {columns} from '../util/columns.ts';
import type {Command} from './command.ts';

/** In the order of the topology. */
export type LinksResult = ReadonlyArray<{
	readonly ends: ReadonlyArray<{
		readonly node: string;
		readonly interface: string;
		/** What is done to the frames that it sends; absent when nothing is. */
		readonly shaping?: Shaping;
	}>;
	/** Whether both ends are up, so that frames pass. */
	readonly up: boolean;
	/** Why they do not: the link is down, one end was set down inside its node, or deleted. */
	readonly state: Carrier;
}>;

export const linksCommand: Command<undefined, LinksResult> = {
	name: 'links',
	usage: 'links',
	summary: 'all links, whether they are up, how they are shaped',
	details: 'down: as "link A B down" leaves it. no carrier: the other end was set down inside its node, as by "h10 ip link set h10-eth0 down".',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		return Promise.resolve(network.links.map(describeLink));
	},
	text: linksText,
};

export function describeLink({ends, shaping, carrier: state}: Link): LinksResult[number] {
	return {
		ends: ends.map(({node, name}, side) => ({node, interface: name, ...(isShaped(shaping[side]) ? {shaping: shaping[side]} : {})})),
		up: state === 'up',
		state,
	};
}

export function linksText(links: LinksResult): string {
	return columns(links.map(({ends, state}) => [ends.map(end => end.interface).join('<->'), state, shapingText(ends)]));
}

/** As `link A B set` reads it; where the directions differ, each by itself. */
function shapingText(ends: LinksResult[number]['ends']): string {
	const texts = ends.map(({shaping}) => formatShaping(shaping ?? {}));
	return texts[0] === texts[1] ? texts[0] ?? '' : ends.flatMap(({node}, side) => texts[side] ? [`${texts[side]} from ${node}`] : []).join(', ');
}
