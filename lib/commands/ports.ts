/** `ports`: the port numbers of every switch and bridge, as OpenFlow knows them. */
import type {Command} from './command.ts';

/** In the order of the topology. */
export type PortsResult = ReadonlyArray<{readonly node: string; readonly ports: ReadonlyArray<{readonly interface: string; readonly port: number}>}>;

export const portsCommand: Command<undefined, PortsResult> = {
	name: 'ports',
	usage: 'ports',
	summary: 'port numbers of the switches',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		return Promise.resolve([...network.nodes.values()]
			.filter(({kind}) => kind === 'switch' || kind === 'bridge')
			.map(({name, interfaces}) => ({node: name, ports: interfaces.flatMap(({name: end, port}) => port === undefined ? [] : [{interface: end, port}])})));
	},
	text(switches) {
		return switches.map(({node, ports}) => [node, ...ports.map(({interface: name, port}) => `${name}:${port}`)].join(' ')).join('\n');
	},
};
