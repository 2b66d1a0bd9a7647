/**
How long labs take to come up and to go, and how much memory they need; beside Mininet where its package is installed.

	node --import tsx scripts/bench/up.ts [--quick] [--runs N] [--json FILE] [TOPOLOGY …]
*/
import {messageOf} from '../../lib/util/errors.ts';
import {type Kind, type Life, type Program, measure, programs} from './labs.ts';
import {type Row, median, progress, ratio, readOptions, report} from './report.ts';

const options = readOptions(5);
const topologies = options.topologies.length > 0 ? options.topologies : options.quick ? ['minimal', 'single,20'] : ['minimal', 'single,100', 'linear,100', 'tree,4,4', 'tree,2,16', 'tree,2,32'];
const sizes = options.topologies.length > 0 ? [] : options.quick ? [20, 40] : [100, 250, 500, 1000];
const kinds = ['ovs', 'bridge'] as const;

type Lives = Readonly<Record<Program, readonly Life[]>>;

report({'Up until the first ping passes, down until everything is gone': await compare(), 'Milliseconds a host': await growth()}, options);

async function compare(): Promise<Row[]> {
	const rows: Row[] = [];
	for (const topology of topologies) {
		for (const kind of kinds) {
			rows.push(compared(topology, kind, await live(topology, kind, programs)));
		}
	}

	return rows;
}

/** Programs take turns, so that a machine that grows slower or faster does so for both. */
async function live(topology: string, kind: Kind, rivals: readonly Program[]): Promise<Lives> {
	const lives: Record<Program, Life[]> = {securenet: [], mininet: []};
	for (let run = 0; run < options.runs; run++) {
		for (const program of rivals) {
			lives[program].push(...await attempt(program, topology, kind));
		}
	}

	return lives;
}

/** One failure must not cost the figures of an hour: it is told, and its place in the table stays empty. */
async function attempt(program: Program, topology: string, kind: Kind): Promise<Life[]> {
	try {
		const life = await measure(program, topology, kind);
		progress(`${topology} ${kind} ${program}: up ${life.up.toFixed(0)} ms, down ${life.down.toFixed(0)} ms, ${mega(life.bytes).toFixed(0)} MB in ${life.processes} processes`);
		return [life];
	} catch (error) {
		progress(`${topology} ${kind} ${program} failed: ${messageOf(error)}`);
		return [];
	}
}

function compared(topology: string, kind: Kind, {securenet, mininet}: Lives): Row {
	const [ours, theirs] = [typical(securenet), typical(mininet)];
	return {
		'topology': topology,
		'switches': kind,
		'hosts/switches': `${securenet[0]?.hosts ?? 0}/${securenet[0]?.switches ?? 0}`,
		'up s': ours.up,
		'Mininet': theirs.up,
		'ratio': ratio(ours.up, theirs.up),
		'down s': ours.down,
		'Mininet ': theirs.down,
		'ratio ': ratio(ours.down, theirs.down),
		'MB (processes)': ours.memory,
		'Mininet  ': theirs.memory,
	};
}

function typical(lives: readonly Life[]): {up: number | undefined; down: number | undefined; memory: string | undefined} {
	const of = (key: keyof Life): number | undefined => median(lives.map(life => life[key]));
	const bytes = of('bytes');
	return {up: seconds(of('up')), down: seconds(of('down')), memory: bytes === undefined ? undefined : `${mega(bytes).toFixed(0)} (${of('processes') ?? 0})`};
}

/** Costs that grow faster than the number of hosts would show here. */
async function growth(): Promise<Row[]> {
	const rows: Row[] = [];
	for (const hosts of sizes) {
		const perHost = (lives: readonly Life[], key: 'up' | 'down'): number => (median(lives.map(life => life[key])) ?? NaN) / hosts;
		const [ovs, bridge] = [(await live(`single,${hosts}`, 'ovs', ['securenet'])).securenet, (await live(`single,${hosts}`, 'bridge', ['securenet'])).securenet];
		rows.push({'topology': `single,${hosts}`, 'ovs up': perHost(ovs, 'up'), 'ovs down': perHost(ovs, 'down'), 'bridge up': perHost(bridge, 'up'), 'bridge down': perHost(bridge, 'down')});
	}

	return rows;
}

function seconds(ms: number | undefined): number | undefined {
	return ms === undefined ? undefined : ms / 1000;
}

function mega(bytes: number): number {
	return bytes / 2 ** 20;
}
