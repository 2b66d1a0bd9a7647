/**
How long every host pinging every other takes, all at once.

	node --import tsx scripts/bench/ping.ts [--quick] [--runs N] [--json FILE] [TOPOLOGY …]
*/
import {Lab, pingAll, shape} from '../../lib/index.ts';
import {type Row, median, progress, readOptions, report} from './report.ts';

const options = readOptions(3);
const topologies = options.topologies.length > 0 ? options.topologies : options.quick ? ['single,10'] : ['single,30', 'single,256'];

report({'Every host to every other': await measureAll()}, options);

async function measureAll(): Promise<Row[]> {
	const rows: Row[] = [];
	for (const topology of topologies) {
		for (const kind of ['switch', 'bridge'] as const) {
			for (const arp of [false, true]) {
				rows.push(await measure(topology, kind, arp));
			}
		}
	}

	return rows;
}

/** A new lab for every run: the second round in the same one would find all neighbours known. */
async function measure(topology: string, kind: 'switch' | 'bridge', arp: boolean): Promise<Row> {
	const took: number[] = [];
	let pairs = 0;
	let lost = 0;
	for (let run = 0; run < options.runs; run++) {
		const network = shape(topology, {switchKind: kind});
		if (!network) {
			throw new TypeError(`${topology} is no shape.`);
		}

		await using lab = await Lab.up(network, {name: `bench-${process.pid}`, arp});
		const result = await pingAll(lab.network);
		progress(`${topology} ${kind}${arp ? ' --arp' : ''}: ${result.ms.toFixed(0)} ms`);
		took.push(result.ms);
		pairs = result.sent;
		lost += result.lost.length;
	}

	return {topology, 'switches': kind === 'switch' ? 'ovs' : kind, 'neighbours': arp ? 'permanent' : 'to be found', pairs, 's': (median(took) ?? NaN) / 1000, lost};
}
