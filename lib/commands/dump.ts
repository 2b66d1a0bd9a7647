/** `dump`: everything about every node: namespace, interfaces, groups, commands in the background. */
import {groupsOf} from '../policy/listing.ts';
import type {NodeKind} from '../topology/specs.ts';
import {formatInterfaceAddress} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import {backgroundOf} from './background.ts';
import type {Command} from './command.ts';

/** In the order of the topology. */
export type DumpResult = ReadonlyArray<{
	readonly name: string;
	readonly kind: NodeKind;
	/** As `ip netns` knows it; the switches of a lab share one. */
	readonly namespace: string;
	readonly interfaces: ReadonlyArray<{readonly name: string; readonly mac: string; readonly addresses: readonly string[]; /** Bytes. */ readonly mtu: number}>;
	readonly groups: readonly string[];
	/** Commands that were started with `&` and still run. */
	readonly background: readonly string[];
}>;

export const dumpCommand: Command<undefined, DumpResult> = {
	name: 'dump',
	usage: 'dump',
	summary: 'every node with namespace, interfaces, groups and background commands',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run(lab) {
		return Promise.resolve([...lab.network.nodes.values()].map(({name, kind, namespace, interfaces}) => ({
			name,
			kind,
			namespace: namespace.name,
			interfaces: interfaces.map(({name: end, mac, addresses, mtu}) => ({name: end, mac, addresses: addresses.map(formatInterfaceAddress), mtu})),
			groups: groupsOf(lab.policy, name),
			background: backgroundOf(lab, name),
		})));
	},
	text(nodes) {
		return nodes.map(nodeText).join('\n');
	},
};

function nodeText({name, kind, namespace, interfaces, groups, background}: DumpResult[number]): string {
	const details = [
		['  namespace', namespace],
		...interfaces.map(each => [`  ${each.name}`, [...each.addresses, each.mac].join(' ')]),
		...(groups.length > 0 ? [['  groups', groups.join(' ')]] : []),
		...background.map(command => ['  background', command]),
	];
	return `${kind} ${name}\n${columns(details)}`;
}
