/** `net`: every node with what each of its interfaces is linked to. */
import type {Lab} from '../lab.ts';
import type {Command} from './command.ts';

type End = {readonly node: string; readonly interface: string};

/** In the order of the topology. */
export type NetResult = ReadonlyArray<{readonly node: string; readonly interfaces: ReadonlyArray<{readonly name: string; readonly peer: End | undefined}>}>;

export const netCommand: Command<undefined, NetResult> = {
	name: 'net',
	usage: 'net',
	summary: 'what each interface is linked to',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		const peers = peersOf(network);
		return Promise.resolve([...network.nodes.values()].map(node => ({
			node: node.name,
			interfaces: node.interfaces.map(({name}) => ({name, peer: peers.get(`${node.name} ${name}`)})),
		})));
	},
	text(nodes) {
		return nodes.map(({node, interfaces}) => [node, ...interfaces.map(({name, peer}) => `${name}:${peer?.interface ?? ''}`)].join(' ')).join('\n');
	},
};

/** By node and interface name. */
function peersOf({links}: Lab['network']): Map<string, End> {
	return new Map(links.flatMap(({ends: [a, b]}) => [[a, b], [b, a]] as const).map(([from, to]) => [`${from.node} ${from.name}`, {node: to.node, interface: to.name}]));
}
