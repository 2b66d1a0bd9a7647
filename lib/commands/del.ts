/** `del NODE` and `del link A B`: what leaves the lab while it runs. */
import {Link} from '../link/link.ts';
import {Tunnel} from '../link/tunnel.ts';
import {groupsOf} from '../policy/listing.ts';
import {InputError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {takeNode, takeNodeUnless, takeOtherNode} from './reading.ts';

export type DelResult = {
	/** Names of nodes. */
	readonly nodes: readonly string[];
	/** Links and tunnels, each by its interfaces; those of the node too. */
	readonly links: ReadonlyArray<readonly string[]>;
	/** Groups that a host was in. */
	readonly groups: readonly string[];
};

type Input = {readonly node: string; readonly force: boolean} | {readonly a: string; readonly b: string};

export const delCommand: Command<Input, DelResult> = {
	name: 'del',
	usage: 'del NODE [--force]|link A B',
	summary: 'remove a host or router, or the links and tunnels between two nodes',
	details: 'What runs in the node is ended, its links go with it, and a host leaves its groups. A host without a link keeps its addresses for the next one. Switches, bridges and perimeter firewalls stay; so does an edge router where hosts are, unless --force lets them leave.',
	read(reader, scene) {
		if (reader.optional(['link'])) {
			const a = takeNode(reader, scene);
			const b = takeOtherNode(reader, scene, a);
			if (a === b) {
				throw new InputError('same-node', `A link has two ends, and both are ${a} here. Write: del link A B; net shows what hangs together.`, {column: reader.column, expected: ['node']});
			}

			reader.finish();
			return {a, b};
		}

		const node = takeNodeUnless({tunnel: 'A tunnel goes as a link does. Write: del link A B.'}, reader, scene, undefined, 'host', 'router');
		const force = reader.optional(['--force']) !== undefined;
		reader.finish();
		return {node, force};
	},
	async run(lab, input) {
		const wires = 'node' in input ? [...lab.network.links, ...lab.network.tunnels].filter(({ends}) => ends.some(({node}) => node === input.node)) : lab.network.wiresBetween(input.a, input.b);
		const [links, tunnels] = [wires.filter(wire => wire instanceof Link), wires.filter(wire => wire instanceof Tunnel)];
		const nodes = 'node' in input ? [input.node] : [];
		const groups = nodes.flatMap(name => groupsOf(lab.policy, name));
		await lab.remove('node' in input ? {nodes} : {links, tunnels}, {force: 'node' in input && input.force});
		return {nodes, links: wires.map(({ends}) => ends.map(({name}) => name)), groups};
	},
	text: ({nodes, groups}) => groups.length === 0 ? '' : `${nodes.join()} was in ${groups.join(', ')}`,
};
