/** One lab of SecureNet, up and down, with its times as JSON lines, as mininet-lab.py does it: `securenet-lab SHAPE ovs|bridge`. */
import {readFileSync} from 'node:fs';
import {Lab, labRecord, pingAll, shape} from '../../lib/index.ts';

const [name = '', kind] = process.argv.slice(2);
const topology = shape(name, {switchKind: kind === 'bridge' ? 'bridge' : 'switch'});
if (!topology) {
	throw new TypeError(`${name} is no shape.`);
}

tell('begin');
const lab = await Lab.up(topology, {name: `bench-${process.pid}`});
const hosts = [...lab.network.nodes.values()].filter(node => node.kind === 'host').map(node => node.name);
const pair = [hosts[0] ?? '', hosts.at(-1) ?? ''] as const;
while ((await pingAll(lab.network, {pairs: [pair], timeout: 50})).received === 0) {
	// The network is not ready before its first ping has passed.
}

tell('ready', {hosts: hosts.length, switches: lab.network.nodes.size - hosts.length, ...memory()});
tell('leave');
await lab.down();
tell('gone');

/** Bytes of this process and the lab's daemons, each page counted by its share. */
function memory(): {processes: number; bytes: number} {
	const shares = [process.pid, ...labRecord(lab.name).processes.map(({pid}) => pid)].map(pss);
	return {processes: shares.length, bytes: shares.reduce((sum, share) => sum + share, 0)};
}

function pss(pid: number): number {
	return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) * 1024;
}

/** `at` counts milliseconds of CLOCK_MONOTONIC, which all processes share. */
function tell(event: string, facts: object = {}): void {
	process.stdout.write(`${JSON.stringify({event, at: Number(process.hrtime.bigint()) / 1e6, ...facts})}\n`);
}
