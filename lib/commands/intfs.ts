/** `intfs`: every interface with its MAC, addresses and MTU. */
import {formatInterfaceAddress} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import type {Command} from './command.ts';

/** In the order of the topology. */
export type IntfsResult = ReadonlyArray<{
	readonly node: string;
	readonly name: string;
	readonly mac: string;
	/** With prefix length. */
	readonly addresses: readonly string[];
	/** Bytes. */
	readonly mtu: number;
}>;

export const intfsCommand: Command<undefined, IntfsResult> = {
	name: 'intfs',
	usage: 'intfs',
	summary: 'all interfaces with MAC, MTU and addresses',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		return Promise.resolve([...network.nodes.values()].flatMap(({interfaces}) =>
			interfaces.map(({node, name, mac, addresses, mtu}) => ({node, name, mac, addresses: addresses.map(formatInterfaceAddress), mtu}))));
	},
	text(interfaces) {
		return columns(interfaces.map(({node, name, mac, addresses, mtu}) => [node, name, mac, String(mtu), addresses.join(' ')]));
	},
};
