/**
How long it takes until all edge routers of a mesh of 5 know of one host, of one that moves, and of 200 that join at once: by BGP, and beside it by a controller.

	node --import tsx scripts/bench/bgp.ts [--quick] [--runs N] [--json FILE]

What is counted ends when every router's kernel has the route. Linking hosts is part of joining, and takes as long with both.
*/
import {Lab, Topology} from '../../lib/index.ts';
import {type Row, median, progress, readOptions, report} from './report.ts';

const options = readOptions(5);
const edges = 5;
const many = options.quick ? 20 : 200;

class Mesh extends Topology {
	override readonly settings: {readonly control: 'bgp' | 'controller'};

	constructor(control: 'bgp' | 'controller') {
		super();
		this.settings = {control};
	}

	override build(): void {
		const routers = Array.from({length: edges}, (_, index) => this.addRouter(`edge${index + 1}`, {proxyArp: true, bgp: {as: 65_000}}));
		for (const [i, a] of routers.entries()) {
			for (const [j, b] of [...routers.entries()].slice(i + 1)) {
				this.addLink(a.interface({ip: `172.16.${(i * 16) + j}.1/30`}), b.interface({ip: `172.16.${(i * 16) + j}.2/30`}));
			}
		}

		for (let number = 0; number <= many; number++) {
			this.addHost(`h${number}`, {ip: `10.0.${(number + 1) >> 8}.${(number + 1) & 255}/16`, gateway: 'none'});
		}
	}
}

type Figures = {readonly up: number; readonly join: number; readonly move: number; readonly leave: number; readonly joinAll: number; readonly linkAll: number; readonly leaveAll: number; readonly cpu: number};

report({[`A mesh of ${edges} edge routers, milliseconds`]: await measureAll()}, options);

/** The two take turns, so that what else the machine does meets them alike. */
async function measureAll(): Promise<Row[]> {
	const kinds = ['bgp', 'controller'] as const;
	const taken = {bgp: [] as Figures[], controller: [] as Figures[]};
	for (let run = 0; run < options.runs; run++) {
		for (const kind of kinds) {
			progress(`${kind}, run ${run + 1}`);
			taken[kind].push(await measure(kind));
		}
	}

	const middle = (kind: 'bgp' | 'controller', name: keyof Figures) => median(taken[kind].map(figures => figures[name]));
	return kinds.map(kind => ({
		'control': kind,
		'up': middle(kind, 'up'),
		'one joins': middle(kind, 'join'),
		'it moves': middle(kind, 'move'),
		'it leaves': middle(kind, 'leave'),
		[`${many} join`]: middle(kind, 'joinAll'),
		'of it linking': middle(kind, 'linkAll'),
		[`${many} leave`]: middle(kind, 'leaveAll'),
		'CPU of this process for the joining': middle(kind, 'cpu'),
	}));
}

async function measure(kind: 'bgp' | 'controller'): Promise<Figures> {
	const begin = performance.now();
	await using lab = await Lab.up(new Mesh(kind), {name: `bench-${kind}-${process.pid}`});
	const up = performance.now() - begin;
	const {time: join} = aware(await lab.join({host: 'h0', router: 'edge1'}));
	const {time: move} = aware(await lab.join({host: 'h0', router: 'edge2'}));
	const {time: leave} = aware(await lab.leave('h0'));
	let linked = 0;
	lab.once('join', () => {
		linked = performance.now();
	});
	const before = {time: performance.now(), cpu: process.cpuUsage()};
	const {time: joinAll} = aware(await lab.join(...Array.from({length: many}, (_, index) => ({host: `h${index + 1}`, router: `edge${(index % edges) + 1}`}))));
	const {user, system} = process.cpuUsage(before.cpu);
	const {time: leaveAll} = aware(await lab.leave(...Array.from({length: many}, (_, index) => `h${index + 1}`)));
	return {up, join, move, leave, joinAll, linkAll: linked - before.time, leaveAll, cpu: (user + system) / 1000};
}

function aware<Result extends {readonly unaware: readonly string[]}>(result: Result): Result {
	if (result.unaware.length > 0) {
		throw new TypeError(`${result.unaware.join(', ')} did not hear of it in time.`);
	}

	return result;
}
