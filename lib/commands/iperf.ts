/** `iperf [A B]`: how much TCP carries between two hosts. */
import {InputError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {hostNames} from './pingall.ts';
import {nodeNames, takeNode} from './reading.ts';

export type IperfResult = {readonly from: string; readonly to: string; readonly bitsPerSecond: number};

export const iperfCommand: Command<readonly [string, string] | undefined, IperfResult> = {
	name: 'iperf',
	usage: 'iperf [A B]',
	summary: 'measure TCP between two hosts; default: the first and the last',
	read(reader, scene) {
		const pair = reader.more(() => nodeNames(scene, 'host', 'router')) ? [takeNode(reader, scene, 'host', 'router'), takeNode(reader, scene, 'host', 'router')] as const : undefined;
		reader.finish();
		return pair;
	},
	async run(lab, pair, {signal}) {
		const {iperf} = await import('../network/measure.ts');
		const hosts = hostNames(lab);
		const [from, to] = pair ?? [hosts[0], hosts.at(-1)];
		if (from === undefined || to === undefined || from === to) {
			throw new InputError('no-pair', 'iperf needs two hosts. Write: iperf A B.', {expected: ['host']});
		}

		return iperf(lab.network, from, to, {signal});
	},
	text({from, to, bitsPerSecond}) {
		return `${from} -> ${to}: ${rate(bitsPerSecond)}`;
	},
};

function rate(bitsPerSecond: number): string {
	const [unit, size] = bitsPerSecond >= 1e9 ? ['Gbit/s', 1e9] as const : ['Mbit/s', 1e6] as const;
	return `${(bitsPerSecond / size).toPrecision(3)} ${unit}`;
}
