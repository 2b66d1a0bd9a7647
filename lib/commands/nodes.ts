/** `nodes`: every node with its kind and addresses. */
import {formatInterfaceAddress} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import type {NodeKind} from '../topology/specs.ts';
import type {Command} from './command.ts';

/** In the order of the topology. */
export type NodesResult = ReadonlyArray<{readonly name: string; readonly kind: NodeKind; /** With prefix length; of a host without a link those that it will have. */ readonly addresses: readonly string[]}>;

export const nodesCommand: Command<undefined, NodesResult> = {
	name: 'nodes',
	usage: 'nodes',
	summary: 'all nodes, their kinds and addresses',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		return Promise.resolve([...network.nodes.values()].map(({name, kind, addresses}) => ({name, kind, addresses: addresses.map(formatInterfaceAddress)})));
	},
	text(nodes) {
		return columns(nodes.map(({name, kind, addresses}) => [name, kind, addresses.join(' ')]));
	},
};
