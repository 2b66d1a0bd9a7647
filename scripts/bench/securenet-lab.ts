/** One lab of SecureNet, up and down, with its times as JSON lines, as mininet-lab.py does it: `securenet-lab SHAPE ovs|bridge`. */
import {readFileSync} from 'node:fs';
import {Lab, labRecord, shape} from '../../lib/index.ts';

const [name = '', kind] = process.argv.slice(2);
const topology = shape(name, {switchKind: kind === 'bridge' ? 'bridge' : 'switch'});
if (!topology) {
	throw new TypeError(`${name} is no shape.`);
}

tell('begin');
await using lab = await Lab.up(topology, {name: `bench-${process.pid}`});
const hosts = [...lab.network.nodes.values()].filter(node => node.kind === 'host');
const [first, last] = [hosts[0], hosts.at(-1)];
if (!first || !last) {
	throw new TypeError(`${name} has no hosts.`);
}

// Until the first answer, whichever request it is to. A local error ends it early.
for (let tries = 0; (await first.execute(['ping', '-i', '0.05', '-c', '1', '-w', '30', String(last)])).exitCode !== 0; tries++) {
	if (tries === 4) {
		throw new TypeError(`No ping has passed from ${first.name} to ${last.name}.`);
	}
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
