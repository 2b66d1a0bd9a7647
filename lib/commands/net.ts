/** `net`: every node with what each of its interfaces is linked to. */
import type {Lab} from '../lab.ts';
import type {Command} from './command.ts';

type End = {readonly node: string; readonly interface: string};

/** In the order of the topology. */
export type NetResult = ReadonlyArray<{
	readonly node: string;
	readonly interfaces: ReadonlyArray<{
		readonly name: string;
		readonly peer: End | undefined;
		/** Of a tunnel with more than two ends: all others. */
		readonly peers?: readonly End[];
	}>;
}>;

export const netCommand: Command<undefined, NetResult> = {
	name: 'net',
	usage: 'net',
	summary: 'what each interface is linked to, by a link or a tunnel',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		const peers = peersOf(network);
		return Promise.resolve([...network.nodes.values()].map(node => ({
			node: node.name,
			interfaces: node.interfaces.map(({name}) => {
				const [peer, ...more] = peers.get(`${node.name} ${name}`) ?? [];
				return {name, peer, ...peer && more.length > 0 ? {peers: [peer, ...more]} : {}};
			}),
		})));
	},
	text(nodes) {
		return nodes.map(({node, interfaces}) => [node, ...interfaces.map(({name, peer, peers = peer ? [peer] : []}) => `${name}:${peers.map(each => each.interface).join(',')}`)].join(' ')).join('\n');
	},
};

/** By node and interface name. */
function peersOf({links, tunnels}: Lab['network']): Map<string, End[]> {
	return new Map([...links, ...tunnels].flatMap(({ends}) => ends.map(end => [
		`${end.node} ${end.name}`,
		ends.filter(other => other !== end).map(({node, name}) => ({node, interface: name})),
	])));
}
